#include "serve/request_head.h"

#include <cctype>
#include <cmath>
#include <utility>

#include "base/text.h"
#include "serve/request_fields.h"

namespace weir {
namespace {

constexpr double kForGood = 1e9;  // seconds
constexpr size_t kNone = std::string_view::npos;

size_t skip_blanks(std::string_view text, size_t at) {
  while (at < text.size() && std::isspace(uint8_t(text[at]))) ++at;
  return at;
}

// Behind the text that begins at `at`.
size_t end_of_text(std::string_view body, size_t at) {
  for (++at; at < body.size(); ++at) {
    if (body[at] == '"') return at + 1;
    if (body[at] == '\\') ++at;
  }
  return kNone;
}

// Behind the value that begins at `at`: where the comma or brace after it is.
size_t end_of_value(std::string_view body, size_t at) {
  int depth = 0;
  while (at < body.size()) {
    const char c = body[at];
    if (c == '"') {
      at = end_of_text(body, at);
      continue;
    }
    if (depth == 0 && (c == ',' || c == '}')) return at;
    if (c == '{' || c == '[') ++depth;
    if (c == '}' || c == ']') --depth;
    ++at;
  }
  return kNone;
}

Json value_of(std::string_view text) {
  auto json = parse_json(text, kBodyLimits);
  return json ? *std::move(json) : Json();
}

// Seconds of one unit of Go's durations; 0: there is no such unit.
double unit_seconds(std::string_view unit) {
  for (const auto& [name, seconds] : {std::pair<std::string_view, double>{"h", 3600},
                                      {"m", 60},
                                      {"s", 1},
                                      {"ms", 1e-3},
                                      {"us", 1e-6},
                                      {"\xc2\xb5s", 1e-6},
                                      {"\xce\xbcs", 1e-6},
                                      {"ns", 1e-9},
                                      {"", 1}})
    if (unit == name) return seconds;
  return 0;
}

std::optional<double> duration(std::string_view text) {
  const bool is_negative = text.starts_with('-');
  if (is_negative || text.starts_with('+')) text.remove_prefix(1);
  double seconds = 0;
  if (text.empty()) return {};
  while (!text.empty()) {
    const size_t digits = std::min(text.find_first_not_of("0123456789."), text.size());
    const auto number = parse_double(std::string(text.substr(0, digits)));
    text.remove_prefix(digits);
    const size_t letters = std::min(text.find_first_of("0123456789."), text.size());
    const double unit = unit_seconds(text.substr(0, letters));
    if (!number || unit == 0) return {};
    seconds += *number * unit;
    text.remove_prefix(letters);
  }
  return is_negative ? -seconds : seconds;
}

}  // namespace

RequestHead read_head(std::string_view body) {
  RequestHead head;
  size_t at = skip_blanks(body, 0);
  if (at >= body.size() || body[at] != '{') return head;
  for (++at; at < body.size(); ++at) {
    const size_t key = skip_blanks(body, at);
    if (key >= body.size() || body[key] != '"') return head;
    const size_t key_end = end_of_text(body, key);
    if (key_end == kNone) return head;
    const size_t colon = skip_blanks(body, key_end);
    if (colon >= body.size() || body[colon] != ':') return head;
    const size_t begin = skip_blanks(body, colon + 1);
    at = end_of_value(body, begin);
    if (at == kNone) return head;
    const std::string name = value_of(body.substr(key, key_end - key)).text();
    const std::string_view value = body.substr(begin, at - begin);
    if (name == "model") head.model = value_of(value).text();
    if (name == "knowledge") head.knowledge = value_of(value);
    if (name == "name") head.name = value_of(value).text();
    if (name == "keep_alive") head.keep_alive = value_of(value);
  }
  return head;
}

std::string query_value(std::string_view query, std::string_view key) {
  while (!query.empty()) {
    const size_t end = std::min(query.find('&'), query.size());
    const std::string_view part = query.substr(0, end);
    query.remove_prefix(std::min(end + 1, query.size()));
    if (!part.starts_with(key) || part.size() == key.size() || part[key.size()] != '=') continue;
    std::string value;
    const std::string_view raw = part.substr(key.size() + 1);
    for (size_t i = 0; i < raw.size(); ++i) {
      const int high = raw[i] == '%' && i + 2 < raw.size() ? hex_digit(raw[i + 1]) : -1;
      const int low = high >= 0 ? hex_digit(raw[i + 2]) : -1;
      value += low >= 0 ? char(high * 16 + low) : raw[i] == '+' ? ' ' : raw[i];
      if (low >= 0) i += 2;
    }
    return value;
  }
  return "";
}

ApiResult<std::optional<double>> read_keep_alive(const Json& value) {
  if (value.is_null()) return std::optional<double>();
  std::optional<double> seconds;
  if (value.is_string()) seconds = duration(value.text());
  if (const Result<double> number = value.is_number() ? value.as_double() : Error{})
    seconds = *number;
  if (seconds) return *seconds <= kForGood ? seconds : std::optional<double>(-1);
  return ApiError{.message =
                      "'keep_alive' must be a number of seconds or a duration such as "
                      "\"5m\"; negative: for good, 0: unload after the reply",
                  .param = "keep_alive"};
}

}  // namespace weir
