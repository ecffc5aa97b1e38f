// For tests: whether work grows with the length of its input or with the length's square. What is
// compared is this process's processor time for two lengths, so other programs change nothing.
#pragma once
#include <gtest/gtest.h>
#include <time.h>

#include <algorithm>
#include <cstddef>
#include <functional>

namespace weir {

inline double processor_seconds() {
  timespec now{};
  clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
  return double(now.tv_sec) + double(now.tv_nsec) * 1e-9;
}

// `work(length)` of eight times the length must take less than 32 times as long: work in proportion
// takes 8 times, with the square 64. The least of three runs each; times below a millisecond say
// nothing and count as one.
inline void expect_linear_work(size_t length, const std::function<void(size_t length)>& work) {
  const auto least = [&](size_t n) {
    double best = 1e9;
    for (int run = 0; run < 3; ++run) {
      const double began = processor_seconds();
      work(n);
      best = std::min(best, processor_seconds() - began);
    }
    return std::max(best, 1e-3);
  };
  const double small = least(length), large = least(8 * length);
  EXPECT_LT(large / small, 32) << "from " << length << " to " << 8 * length << ": " << small
                               << " s and " << large << " s of processor time";
}

}  // namespace weir
