// What is wrong with a request, before a dialect gives it its form.
#pragma once
#include <string>
#include <utility>
#include <variant>

#include "base/result.h"
#include "serve/http_exchange.h"

namespace weir {

struct ApiError {
  int status = 400;        // HTTP's
  std::string message;     // one sentence with the remedy
  std::string param = {};  // the field that is wrong; "": none
  std::string code = {};   // OpenAI's error codes, such as "model_not_found"; "": none
  int retry_seconds = 0;   // of a 429 or 503: what Retry-After says
};

// The reply whose body, in a dialect's form, tells the error.
inline HttpReply error_reply(const ApiError& error, std::string body) {
  HttpReply reply{.status = error.status, .body = std::move(body)};
  if (error.retry_seconds > 0)
    reply.headers.push_back({"Retry-After", std::to_string(error.retry_seconds)});
  return reply;
}

// A value or an ApiError, with the members of Result.
template <class T>
class [[nodiscard]] ApiResult {
 public:
  ApiResult(T value) : state_(std::in_place_index<0>, std::move(value)) {}
  ApiResult(ApiError error) : state_(std::in_place_index<1>, std::move(error)) {}
  explicit operator bool() const { return state_.index() == 0; }
  T& operator*() & { return std::get<0>(state_); }
  T&& operator*() && { return std::get<0>(std::move(state_)); }
  T* operator->() { return &std::get<0>(state_); }
  ApiError& error() & { return std::get<1>(state_); }
  ApiError&& error() && { return std::get<1>(std::move(state_)); }

 private:
  std::variant<T, ApiError> state_;
};

}  // namespace weir
