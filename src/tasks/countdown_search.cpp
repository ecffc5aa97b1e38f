// All ways to combine a few numbers, and how they are written.
#include <fmt/format.h>

#include <algorithm>

#include "tasks/countdown.h"

namespace weir {
namespace {

// Depth first over the numbers at hand.
class Enumeration {
 public:
  explicit Enumeration(CountdownSearch& found) : found_(found) {}

  void extend(std::span<const int> at_hand) {
    for (uint8_t i = 0; i < at_hand.size(); ++i)
      for (uint8_t j = uint8_t(i + 1); j < at_hand.size(); ++j) combine(at_hand, i, j);
  }

 private:
  void combine(std::span<const int> at_hand, uint8_t i, uint8_t j) {
    const int a = at_hand[i], b = at_hand[j];
    const bool in_order = a >= b;
    const CountdownStep ordered{in_order ? a : b, in_order ? b : a, '-', 0,
                                in_order ? i : j, in_order ? j : i};
    take(at_hand, {a, b, '+', a + b, i, j});
    take(at_hand, {a, b, '*', a * b, i, j});
    CountdownStep step = ordered;
    step.result = step.left - step.right;
    if (step.result > 0) take(at_hand, step);
    step.sign = '/';
    step.result = step.left / step.right;
    if (step.left % step.right == 0) take(at_hand, step);
  }

  void take(std::span<const int> at_hand, const CountdownStep& step) {
    trial_.steps[trial_.count++] = step;
    if (at_hand.size() == 2) {
      found_.trials.push_back(trial_);
    } else {
      found_.shorter.push_back(step.result);
      if (step.result <= kCountdownValueMax) {
        int next[kCountdownNumbersMax] = {step.result};
        size_t count = 1;
        for (size_t k = 0; k < at_hand.size(); ++k)
          if (k != step.at_left && k != step.at_right) next[count++] = at_hand[k];
        extend({next, count});
      }
    }
    --trial_.count;
  }

  CountdownSearch& found_;
  CountdownTrial trial_;
};

}  // namespace

CountdownSearch search_countdown(std::span<const int> numbers) {
  CountdownSearch found;
  found.shorter.assign(numbers.begin(), numbers.end());
  Enumeration(found).extend(numbers);
  std::sort(found.shorter.begin(), found.shorter.end());
  return found;
}

double random_order_chance(size_t total, size_t hits, size_t tries) {
  double miss = 1;
  for (size_t i = 0; i < tries; ++i)
    miss *= total > i + hits ? double(total - hits - i) / double(total - i) : 0;
  return 1 - miss;
}

std::string trial_text(const CountdownTrial& trial, int target) {
  std::string text;
  for (int i = 0; i + 1 < trial.count; ++i) {
    const CountdownStep& step = trial.steps[i];
    text += fmt::format("{}{}{}={},", step.left, step.sign, step.right, step.result);
  }
  const CountdownStep& last = trial.steps[trial.count - 1];
  int first = last.left, second = last.right;
  if (last.at_left > last.at_right) std::swap(first, second);
  if (trial.count == 1) text += fmt::format("{},", first);  // else it is the result before
  text += fmt::format("{}?{}:{}", second, target, last.sign);
  return text + (last.result > kCountdownValueMax ? fmt::format(">{}", kCountdownValueMax)
                                                  : std::to_string(last.result));
}

std::string trial_expression(const CountdownTrial& trial, std::span<const int> numbers) {
  std::vector<std::string> at_hand;
  for (int number : numbers) at_hand.push_back(std::to_string(number));
  for (int i = 0; i < trial.count; ++i) {
    const CountdownStep& step = trial.steps[i];
    std::string made =
        fmt::format("{}{}{}", at_hand[step.at_left], step.sign, at_hand[step.at_right]);
    if (i + 1 < trial.count) made = '(' + made + ')';
    at_hand.erase(at_hand.begin() + std::max(step.at_left, step.at_right));
    at_hand.erase(at_hand.begin() + std::min(step.at_left, step.at_right));
    at_hand.insert(at_hand.begin(), std::move(made));
  }
  return at_hand.front();
}

}  // namespace weir
