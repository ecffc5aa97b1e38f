#include "serve/key_meter.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

namespace weir {
namespace {

// At least one second: clients take 0 as no advice.
int whole_seconds(double seconds) { return int(std::clamp(std::ceil(seconds), 1.0, 1e6)); }

ApiError limit_reached(std::string message, double seconds) {
  const int wait = whole_seconds(seconds);
  return {.status = 429,
          .message = fmt::format("{}; try again in {} s", message, wait),
          .code = "rate_limit_exceeded",
          .retry_seconds = wait};
}

// As OpenAI writes it: "6m0s", "1.5s", "20ms".
std::string duration_text(double seconds) {
  if (seconds < 1) return fmt::format("{}ms", int(std::ceil(seconds * 1000)));
  const int minutes = int(seconds / 60);
  const double rest = std::ceil((seconds - minutes * 60) * 1000) / 1000;
  return minutes > 0 ? fmt::format("{}m{}s", minutes, rest) : fmt::format("{}s", rest);
}

}  // namespace

void KeyMeter::Bucket::set_limit(int64_t new_limit) {
  const double used = limit - level;
  if (limit == double(new_limit)) return;
  limit = double(new_limit);
  level = limit - used;
}

void KeyMeter::Bucket::fill(int64_t now) {
  if (filled_ns > 0 && now > filled_ns)
    level = std::min(limit, level + double(now - filled_ns) * 1e-9 * limit / 60);
  filled_ns = std::max(filled_ns, now);
}

void KeyMeter::set_limits(const KeyLimits& limits) {
  std::lock_guard lock(mutex_);
  requests_.set_limit(limits.requests_per_minute);
  tokens_.set_limit(limits.tokens_per_minute);
}

std::optional<ApiError> KeyMeter::take_request(int64_t now) {
  std::lock_guard lock(mutex_);
  if (requests_.limit > 0) {
    requests_.fill(now);
    if (requests_.level < 1)
      return limit_reached(
          fmt::format("this key may send {:.0f} requests a minute", requests_.limit),
          requests_.seconds_until(1));
    requests_.level -= 1;
  }
  if (tokens_.limit > 0) {
    tokens_.fill(now);
    if (tokens_.level < 1)
      return limit_reached(fmt::format("this key may use {:.0f} tokens a minute", tokens_.limit),
                           tokens_.seconds_until(1));
  }
  return {};
}

std::optional<ApiError> KeyMeter::check_prompt(int64_t tokens, int64_t now) {
  std::lock_guard lock(mutex_);
  if (tokens_.limit <= 0) return {};
  tokens_.fill(now);
  if (double(tokens) <= tokens_.level) return {};
  const std::string message =
      fmt::format("the prompt has {} tokens, and this key may use {:.0f} tokens a minute", tokens,
                  tokens_.limit);
  if (double(tokens) > tokens_.limit)
    return ApiError{.message = message + "; shorten it", .code = "rate_limit_exceeded"};
  return limit_reached(message, tokens_.seconds_until(double(tokens)));
}

void KeyMeter::charge(int64_t tokens, int64_t now) {
  std::lock_guard lock(mutex_);
  if (tokens_.limit <= 0) return;
  tokens_.fill(now);
  tokens_.level -= double(tokens);
}

void KeyMeter::add_headers(std::vector<std::pair<std::string, std::string>>& headers,
                           const char* what, Bucket& bucket, int64_t now) {
  if (bucket.limit <= 0) return;
  bucket.fill(now);
  const auto add = [&](const char* name, std::string value) {
    headers.push_back({fmt::format("x-ratelimit-{}-{}", name, what), std::move(value)});
  };
  add("limit", fmt::format("{:.0f}", bucket.limit));
  add("remaining", fmt::format("{:.0f}", std::floor(std::max(0.0, bucket.level))));
  add("reset", duration_text(bucket.seconds_until(bucket.limit)));
}

std::vector<std::pair<std::string, std::string>> KeyMeter::headers(int64_t now) {
  std::lock_guard lock(mutex_);
  std::vector<std::pair<std::string, std::string>> headers;
  add_headers(headers, "requests", requests_, now);
  add_headers(headers, "tokens", tokens_, now);
  return headers;
}

}  // namespace weir
