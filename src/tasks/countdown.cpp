// Countdown problems: "Numbers 3 7 12, target 48?" The worked reply is a search: trials in random
// order, "3+7=10,12?48:*>99;7-3=4,12?48:*48", up to the first that hits the target, whose
// expression is the answer, or up to the limit, and then the answer says that nothing was found.
// The last step comes right after all it depends on: a small model neither chooses that step
// nor recognises a hit by tokens a search further back.
//
// Such replies cannot teach more than their order: with at most 8 trials they solve 57 % of the
// problems with three numbers (countdown_test.cpp computes it). A model that solves more within
// the same length has found a better order by itself.
//
// Which problems are held out is a function of the sorted numbers and the target: the order in
// which a question names its numbers does not make another problem.
#include "tasks/countdown.h"

#include <fmt/format.h>

#include <algorithm>

#include "tasks/kinds.h"

namespace weir {
namespace {

constexpr char kNotFound[] = "not found";
constexpr int kTrialsMax = 64, kRangeMax = 99;
constexpr int kDrawsMax = 100'000;  // before the options are called unsolvable

// The same for all orders of the numbers, which are one problem: whoever learned one order has
// learned the others.
std::string canonical_text(std::vector<int> numbers, int target) {
  std::sort(numbers.begin(), numbers.end());
  return fmt::format("countdown {} {}", fmt::join(numbers, " "), target);
}

class Countdown final : public ProblemSet {
 public:
  struct Options {
    IntRange numbers = {3, 3}, range = {1, 20};
    int target_max = kCountdownValueMax, trials = 8;
    std::string order = "random";
  };
  Countdown(Options options, StyleMix styles)
      : options_(std::move(options)), styles_(std::move(styles)) {}

  int64_t count(Split) const override { return -1; }

  Result<Problem> make(uint64_t seed, Split split, uint64_t index) const override {
    Random random(kind_seed(seed, "countdown"), index);
    for (int draws = 0; draws < kDrawsMax; ++draws) {
      std::vector<int> numbers(size_t(options_.numbers.pick(random)));
      for (int& number : numbers) number = options_.range.pick(random);
      CountdownSearch search = search_countdown(numbers);
      const int target = draw_target(random, search);
      if (target == 0) continue;
      Problem problem;
      problem.canonical = canonical_text(numbers, target);
      if (split_of(problem.canonical) != split) continue;
      const std::string said = fmt::format("{}", fmt::join(numbers, " "));
      const std::string question = fmt::format("Numbers {}, target {}?", said, target);
      if (options_.order == "random") problem.chance = chance_of(search, target);
      problem.family = "countdown";
      problem.difficulty = int(numbers.size());
      problem.style = styles_.pick(random);
      problem.verifier = "countdown";
      problem.gold = fmt::format("{};{}", said, target);
      problem.place = fmt::format("countdown #{}", index);
      problem.messages.push_back({Role::user, question});
      problem.messages.push_back(reply(random, problem.style, numbers, target, search));
      problem.claims_right = problem.messages.back().content != kNotFound;
      return problem;
    }
    return Error{
        "no numbers of this range reach a target on this side of the split; widen 'range' or raise "
        "'target_max'"};
  }

 private:
  // That a search such as the replies' finds the target within `trials`.
  double chance_of(const CountdownSearch& search, int target) const {
    const auto hits =
        std::count_if(search.trials.begin(), search.trials.end(),
                      [&](const CountdownTrial& trial) { return trial.result() == target; });
    return random_order_chance(search.trials.size(), size_t(hits), size_t(options_.trials));
  }

  // The result of a trial that no shorter expression has; 0 when there is none.
  int draw_target(Random& random, const CountdownSearch& search) const {
    std::vector<int> targets;
    for (const CountdownTrial& trial : search.trials) {
      const int result = trial.result();
      if (result <= options_.target_max &&
          !std::binary_search(search.shorter.begin(), search.shorter.end(), result))
        targets.push_back(result);
    }
    return targets.empty() ? 0 : targets[size_t(random.below(targets.size()))];
  }

  Message reply(Random& random, const std::string& style, std::span<const int> numbers, int target,
                CountdownSearch& search) const {
    std::vector<CountdownTrial>& trials = search.trials;
    if (options_.order == "random")
      for (size_t i = trials.size(); i > 1; --i) std::swap(trials[i - 1], trials[random.below(i)]);
    auto hit = std::find_if(trials.begin(), trials.end(),
                            [&](const CountdownTrial& trial) { return trial.result() == target; });
    Message message{Role::assistant, trial_expression(*hit, numbers)};
    if (style == "direct") return message;
    message.has_thinking = true;
    const size_t tried = std::min(size_t(hit - trials.begin()) + 1, size_t(options_.trials));
    for (size_t i = 0; i < tried; ++i)
      message.thinking += fmt::format("{}{}", i ? ";" : "", trial_text(trials[i], target));
    if (tried <= size_t(hit - trials.begin())) message.content = kNotFound;
    return message;
  }

  Options options_;
  StyleMix styles_;
};

}  // namespace

SetResult read_countdown(OptionReader& in) {
  Countdown::Options options;
  options.numbers = TRY(read_range(in, "numbers", options.numbers, {2, kCountdownNumbersMax}));
  options.range = TRY(read_range(in, "range", options.range, {1, kRangeMax}));
  in.field("target_max", options.target_max, 1, kCountdownValueMax);
  in.field("trials", options.trials, 1, kTrialsMax);
  in.choice("order", options.order, {"random", "listed"});
  StyleMix styles = TRY(StyleMix::read(in, {"worked", "direct"}));
  return std::unique_ptr<ProblemSet>(new Countdown(std::move(options), std::move(styles)));
}

}  // namespace weir
