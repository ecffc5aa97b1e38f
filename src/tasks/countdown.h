// Countdown: reach a target from a few numbers with + - * and /. Here is the arithmetic: what can
// be tried, and what comes of it. countdown.cpp makes problems of it.
#pragma once
#include <span>
#include <string>
#include <vector>

#include "base/random.h"

namespace weir {

constexpr int kCountdownNumbersMax = 4;
constexpr int kCountdownValueMax = 99;  // of every result but the last

// One step: two of the numbers at hand become one.
struct CountdownStep {
  int left = 0, right = 0;  // values; left >= right for - and /
  char sign = '+';
  int result = 0;
  uint8_t at_left = 0, at_right = 0;  // where they stand among the numbers at hand
};

// A trial: steps that use up all numbers. The result of each step goes to the front of the numbers
// that are left.
struct CountdownTrial {
  CountdownStep steps[kCountdownNumbersMax - 1];
  int count = 0;
  int result() const { return steps[count - 1].result; }
};

struct CountdownSearch {
  // Every trial: each pair at hand once, whichever comes first; larger minus smaller and exact
  // quotients only; every result from 1, and up to kCountdownValueMax but for the last.
  std::vector<CountdownTrial> trials;
  // Results on the way, before all numbers are used, and the numbers themselves; sorted.
  std::vector<int> shorter;
};
// 2 to kCountdownNumbersMax numbers from 1 to 99.
CountdownSearch search_countdown(std::span<const int> numbers);

// How often the first `tries` of `total` trials in random order hold one of `hits`: the
// hypergeometric distribution.
double random_order_chance(size_t total, size_t hits, size_t tries);

// "7-3=4,12?48:*48": the steps, then what is left of the numbers and the target, and to them what
// the last step does and comes to. So what has to be known to choose the last step, and to see a
// hit, stands side by side. Results above kCountdownValueMax are not worked out: "*>99".
std::string trial_text(const CountdownTrial& trial, int target);
// "(3+7)*12".
std::string trial_expression(const CountdownTrial& trial, std::span<const int> numbers);

}  // namespace weir
