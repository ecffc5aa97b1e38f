#include "base/text.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <cmath>
#include <cstring>
#include <span>

namespace weir {

namespace {

// One decimal below a thousand units, none for a plain count. Moves to the next unit where rounding
// would show "1000.0 k" or "1024.0 KiB".
std::string with_unit(double value, double step, std::span<const char* const> units) {
  size_t unit = 0;
  while (std::fabs(value) >= (unit == 0 ? step - 0.5 : step - 0.05) && unit + 1 < units.size())
    value /= step, ++unit;
  return fmt::format("{:.{}f}{}", value, unit == 0 ? 0 : 1, units[unit]);
}

}  // namespace

std::string format_bytes(double bytes) {
  const char* units[] = {" B", " KiB", " MiB", " GiB", " TiB"};
  return with_unit(bytes, 1024, units);
}

std::string format_count(double count) {
  const char* units[] = {"", " k", " M", " B", " T"};
  return with_unit(count, 1000, units);
}

std::string format_seconds(double seconds) {
  if (!(std::fabs(seconds) < 1e9)) return "unknown time";  // 30 years, infinity, no number
  if (seconds < 9.95) return fmt::format("{:.1f} s", std::max(0.0, seconds));
  int64_t s = int64_t(seconds + 0.5);
  if (s < 60) return fmt::format("{} s", s);
  if (s < 3600) return fmt::format("{} m {:02} s", s / 60, s % 60);
  if (s < 48 * 3600) return fmt::format("{} h {:02} m", s / 3600, s / 60 % 60);
  return fmt::format("{} d {:02} h", s / 86400, s / 3600 % 24);
}

std::vector<std::string> split(std::string_view text, char separator) {
  std::vector<std::string> parts;
  for (size_t begin = 0;;) {
    size_t end = text.find(separator, begin);
    parts.emplace_back(text.substr(begin, end - begin));
    if (end == text.npos) return parts;
    begin = end + 1;
  }
}

std::string_view trim(std::string_view text) {
  const char* blank = " \t\r\n\v\f";
  size_t begin = text.find_first_not_of(blank);
  if (begin == text.npos) return {};
  return text.substr(begin, text.find_last_not_of(blank) - begin + 1);
}

Result<int64_t> parse_int(std::string_view text) {
  int64_t value = 0;
  auto [end, code] = std::from_chars(text.data(), text.data() + text.size(), value);
  bool whole = end == text.data() + text.size();
  if (whole && code == std::errc::result_out_of_range)
    return Error{fmt::format("'{}' is out of range", text)};
  if (code != std::errc() || !whole) return Error{fmt::format("'{}' is not a whole number", text)};
  return value;
}

Result<double> parse_double(std::string_view text) {
  double value = 0;
  auto [end, code] = std::from_chars(text.data(), text.data() + text.size(), value);
  bool whole = end == text.data() + text.size();
  if (whole && code == std::errc::result_out_of_range)
    return Error{fmt::format("'{}' is out of range", text)};
  if (code != std::errc() || !whole || !std::isfinite(value))
    return Error{fmt::format("'{}' is not a number", text)};
  return value;
}

std::string nearest_word(std::string_view word, const std::vector<std::string>& known) {
  std::string best;
  size_t best_distance = 4;
  if (word.size() > 256) return best;
  for (const std::string& candidate : known) {
    std::vector<size_t> row(candidate.size() + 1);  // Levenshtein, one row at a time
    for (size_t j = 0; j < row.size(); ++j) row[j] = j;
    for (size_t i = 1; i <= word.size(); ++i) {
      size_t diagonal = row[0]++;
      for (size_t j = 1; j < row.size(); ++j) {
        size_t above = row[j];
        row[j] =
            std::min({row[j] + 1, row[j - 1] + 1, diagonal + (word[i - 1] != candidate[j - 1])});
        diagonal = above;
      }
    }
    if (row.back() < best_distance && row.back() < std::max(word.size(), candidate.size()))
      best_distance = row.back(), best = candidate;
  }
  return best;
}

ShownCharacter first_character(std::string_view text) {
  const unsigned char c = static_cast<unsigned char>(text.front());
  const size_t bytes = c < 0xc0 ? 1 : c < 0xe0 ? 2 : c < 0xf0 ? 3 : 4;
  std::string_view character = text.substr(0, bytes);
  if (first_invalid_utf8(character) != text.npos) character = character.substr(0, 1);
  // C0, DEL, a byte that is no UTF-8, C1 (U+0080 to U+009F).
  const bool is_hidden = c < 0x20 || c == 0x7f || (c >= 0x80 && character.size() == 1) ||
                         (c == 0xc2 && static_cast<unsigned char>(character[1]) < 0xa0);
  return {character, is_hidden};
}

std::string printable(std::string_view text, size_t bytes_max) {
  std::string out;
  while (!text.empty()) {
    auto [character, is_hidden] = first_character(text);
    text.remove_prefix(character.size());
    if (is_hidden) character = "?";
    if (out.size() + character.size() > bytes_max) return out + "...";
    out += character;
  }
  return out;
}

int hex_digit(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

void append_utf8(std::string& out, char32_t c) {
  if (c < 0x80) {
    out += char(c);
  } else if (c < 0x800) {
    out += char(0xC0 | c >> 6);
    out += char(0x80 | (c & 0x3F));
  } else if (c < 0x10000) {
    out += char(0xE0 | c >> 12);
    out += char(0x80 | (c >> 6 & 0x3F));
    out += char(0x80 | (c & 0x3F));
  } else {
    out += char(0xF0 | c >> 18);
    out += char(0x80 | (c >> 12 & 0x3F));
    out += char(0x80 | (c >> 6 & 0x3F));
    out += char(0x80 | (c & 0x3F));
  }
}

size_t first_invalid_utf8(std::string_view text) {
  const auto* s = reinterpret_cast<const unsigned char*>(text.data());
  const size_t n = text.size();
  for (size_t i = 0; i < n;) {
    unsigned char c = s[i];
    if (c < 0x80) {
      ++i;
      // Most text is ASCII: eight bytes at a time.
      for (uint64_t eight; i + 8 <= n; i += 8) {
        std::memcpy(&eight, s + i, 8);
        if (eight & 0x8080808080808080u) break;
      }
      continue;
    }
    size_t length = c >= 0xc2 && c < 0xe0   ? 2
                    : c >= 0xe0 && c < 0xf0 ? 3
                    : c >= 0xf0 && c < 0xf5 ? 4
                                            : 0;
    if (length == 0 || i + length > n) return i;
    for (size_t j = 1; j < length; ++j)
      if ((s[i + j] & 0xc0) != 0x80) return i;
    // Overlong forms, surrogates and values above U+10FFFF (RFC 3629).
    unsigned char second = s[i + 1];
    if ((c == 0xe0 && second < 0xa0) || (c == 0xed && second > 0x9f) ||
        (c == 0xf0 && second < 0x90) || (c == 0xf4 && second > 0x8f))
      return i;
    i += length;
  }
  return std::string_view::npos;
}

}  // namespace weir
