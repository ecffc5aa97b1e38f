// What a key has used of its limits: a bucket each for requests and tokens, full at first, which
// fills evenly by the limit in a minute. In memory alone; any thread may call it.
#pragma once
#include <cstdint>
#include <mutex>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "serve/api_error.h"
#include "serve/key_file.h"

namespace weir {

// All times are monotonic_ns().
class KeyMeter {
 public:
  explicit KeyMeter(const KeyLimits& limits) { set_limits(limits); }
  // What is used stays used.
  void set_limits(const KeyLimits& limits);

  // Takes a request: 429 when there is none left.
  std::optional<ApiError> take_request(int64_t now);
  // Before a prompt is computed: 429 unless there are as many tokens; 400 when there never are.
  std::optional<ApiError> check_prompt(int64_t tokens, int64_t now);
  // Tokens that were used. A reply that runs is not cut: what it exceeds is missing afterwards.
  void charge(int64_t tokens, int64_t now);

  // OpenAI's x-ratelimit-* headers of the limits that there are.
  std::vector<std::pair<std::string, std::string>> headers(int64_t now);

 private:
  struct Bucket {
    double limit = 0;  // 0: none
    double level = 0;
    int64_t filled_ns = 0;
    void set_limit(int64_t new_limit);
    void fill(int64_t now);
    double seconds_until(double wanted) const { return (wanted - level) * 60 / limit; }
  };
  static void add_headers(std::vector<std::pair<std::string, std::string>>& headers,
                          const char* what, Bucket& bucket, int64_t now);

  std::mutex mutex_;
  Bucket requests_, tokens_;
};

}  // namespace weir
