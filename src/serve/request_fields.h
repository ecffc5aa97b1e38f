// Reads the fields of a request's JSON object. The first wrong value is kept as the error, which
// names its field and what it must be; reading goes on, so a parser is a list of reads. Absent and
// null fields have the default; fields nobody reads are ignored.
#pragma once
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/json.h"
#include "serve/api_error.h"

namespace weir {

// Limits of a request's body.
constexpr size_t kBodyBytesMax = size_t(16) << 20;
constexpr JsonLimits kBodyLimits = {.depth = 64, .bytes = kBodyBytesMax, .values = 500'000};
// An object; the error is one of JSON.
ApiResult<Json> parse_body(std::string_view body);

class RequestFields {
 public:
  // The object outlives this. `path`: what stands before a field's name in errors ("options.").
  explicit RequestFields(const Json& object, std::string path = "")
      : object_(object), path_(std::move(path)) {}

  const Json* find(std::string_view key) const;  // null for an absent or null field
  bool has(std::string_view key) const { return find(key) != nullptr; }
  std::string text(std::string_view key, std::string or_else = "");
  bool flag(std::string_view key, bool or_else);
  int64_t whole(std::string_view key, int64_t or_else, int64_t low, int64_t high);
  double real(std::string_view key, double or_else, double low, double high);
  // One text or a list of at most `count_max`.
  std::vector<std::string> texts(std::string_view key, size_t count_max);

  // Keeps the first error.
  void refuse(std::string_view key, const std::string& what, int status = 400);
  void take(std::optional<ApiError> error);
  const std::optional<ApiError>& error() const { return error_; }
  std::string place(std::string_view key) const { return path_ + std::string(key); }

 private:
  const Json& object_;
  std::string path_;
  std::optional<ApiError> error_;
};

}  // namespace weir
