// The kinds of problem sets, one reader each; problem_set.cpp chooses by name. A reader takes its
// options and leaves finish() to the caller.
#pragma once
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "base/options.h"
#include "base/random.h"
#include "base/result.h"
#include "tasks/problem_set.h"

namespace weir {

using SetResult = Result<std::unique_ptr<ProblemSet>>;
SetResult read_sums(OptionReader& in);          // sums.cpp
SetResult read_words(OptionReader& in);         // words.cpp
SetResult read_recall(OptionReader& in);        // recall.cpp
SetResult read_countdown(OptionReader& in);     // countdown.cpp
SetResult read_facts(OptionReader& in);         // facts.cpp
SetResult read_composed(OptionReader& in);      // composed.cpp
SetResult read_chat(OptionReader& in);          // chat_problems.cpp
SetResult read_safety(OptionReader& in);        // safety.cpp
SetResult read_instructions(OptionReader& in);  // instruction_problems.cpp
SetResult read_file_set(OptionReader& in);      // file_set.cpp

// The `styles` option: kinds of reply with their weights.
class StyleMix {
 public:
  // `known`: the styles of this kind of problem; the first is the default.
  static Result<StyleMix> read(OptionReader& in, const std::vector<std::string>& known);
  const std::string& pick(Random& random) const;

 private:
  std::vector<std::pair<std::string, double>> weights_;  // summing to 1
};

// A range option [low, high], or one number for both.
struct IntRange {
  int low = 0, high = 0;
  int pick(Random& random) const { return low + int(random.below(uint64_t(high - low + 1))); }
};
Result<IntRange> read_range(OptionReader& in, const std::string& key, IntRange value,
                            IntRange limits);

// Seeds differ by kind, so that two kinds under one seed do not draw the same numbers.
uint64_t kind_seed(uint64_t seed, std::string_view kind);

// The first problem that `draw()` makes whose canonical form is on this side. An error when none of
// many is: the options make too few different problems; `remedy` says what to widen.
template <class Draw>
Result<Problem> draw_on_side(Split split, const std::string& remedy, Draw draw) {
  constexpr int kDrawsMax = 10'000;  // one in ten is held out
  for (int i = 0; i < kDrawsMax; ++i)
    if (Problem problem = draw(); split_of(problem.canonical) == split) return problem;
  return Error{std::string("these options make so few different problems that none is ") +
               (split == Split::held_out ? "held out" : "left for training") + "; " + remedy};
}

}  // namespace weir
