#include "serve/request_fields.h"

#include <fmt/format.h>

#include "base/text.h"

namespace weir {
namespace {

std::string shown(const Json& value) {
  if (value.is_array()) return "an array";
  if (value.is_object()) return "an object";
  return printable(value.dump(), 60);
}

}  // namespace

ApiResult<Json> parse_body(std::string_view body) {
  Result<Json> json = parse_json(body, kBodyLimits);
  if (!json) return ApiError{.message = "the body is not the JSON wanted: " + json.error().message};
  if (!json->is_object())
    return ApiError{.message = "the body must be a JSON object, not " + shown(*json)};
  return *std::move(json);
}

const Json* RequestFields::find(std::string_view key) const {
  const Json* value = object_.find(key);
  return value && !value->is_null() ? value : nullptr;
}

void RequestFields::refuse(std::string_view key, const std::string& what, int status) {
  if (error_) return;
  error_ = ApiError{
      .status = status, .message = fmt::format("'{}' {}", place(key), what), .param = place(key)};
}

void RequestFields::take(std::optional<ApiError> error) {
  if (!error_) error_ = std::move(error);
}

std::string RequestFields::text(std::string_view key, std::string or_else) {
  const Json* value = find(key);
  if (!value) return or_else;
  if (!value->is_string()) refuse(key, "must be a text, not " + shown(*value));
  return value->text();
}

bool RequestFields::flag(std::string_view key, bool or_else) {
  const Json* value = find(key);
  if (!value) return or_else;
  const Result<bool> flag = value->as_bool();
  if (!flag) refuse(key, "must be true or false, not " + shown(*value));
  return flag ? *flag : or_else;
}

int64_t RequestFields::whole(std::string_view key, int64_t or_else, int64_t low, int64_t high) {
  const Json* value = find(key);
  if (!value) return or_else;
  const Result<int64_t> number = value->is_number() ? value->as_int() : Error{};
  if (number && *number >= low && *number <= high) return *number;
  refuse(key, fmt::format("must be a whole number in [{}, {}], not {}", low, high, shown(*value)));
  return or_else;
}

double RequestFields::real(std::string_view key, double or_else, double low, double high) {
  const Json* value = find(key);
  if (!value) return or_else;
  const Result<double> number = value->is_number() ? value->as_double() : Error{};
  if (number && *number >= low && *number <= high) return *number;
  refuse(key, fmt::format("must be a number in [{}, {}], not {}", low, high, shown(*value)));
  return or_else;
}

std::vector<std::string> RequestFields::texts(std::string_view key, size_t count_max) {
  const Json* value = find(key);
  std::vector<std::string> list;
  if (!value) return list;
  if (value->is_string()) return {value->text()};
  const std::string wanted = fmt::format("must be a text or a list of at most {} texts", count_max);
  if (!value->is_array() || value->size() > count_max) {
    refuse(key, wanted);
    return list;
  }
  for (const Json& item : value->items()) {
    if (!item.is_string()) refuse(key, wanted);
    list.push_back(item.text());
  }
  return list;
}

}  // namespace weir
