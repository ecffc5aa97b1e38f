// Key-value look-up: "k3=71 a9=20 ... k3?" The skill that every longer chain of thought rests on,
// because each step has to find its operand in the question. Which questions are held out is a
// function of the pairs, in any order, and the key that is asked for.
#include <fmt/format.h>

#include <set>

#include "tasks/kinds.h"

namespace weir {
namespace {

constexpr int kPairsMax = 64;

class Recall final : public ProblemSet {
 public:
  explicit Recall(IntRange pairs) : pairs_(pairs) {}
  int64_t count(Split) const override { return -1; }

  Result<Problem> make(uint64_t seed, Split split, uint64_t index) const override {
    Random random(kind_seed(seed, "recall"), index);
    Problem problem = TRY(draw_on_side(split, "widen 'pairs'", [&] { return draw(random); }));
    problem.place = fmt::format("recall #{}", index);
    return problem;
  }

 private:
  Problem draw(Random& random) const {
    const int count = pairs_.pick(random);
    std::set<std::string> used, pairs;
    std::vector<std::string> keys, values;
    std::string question;
    while (int(keys.size()) < count) {
      std::string key = fmt::format("{}{}", char('a' + random.below(26)), random.below(10));
      if (!used.insert(key).second) continue;
      keys.push_back(key);
      values.push_back(std::to_string(10 + random.below(90)));
      question += fmt::format("{}={} ", key, values.back());
      pairs.insert(fmt::format("{}={}", key, values.back()));
    }
    const size_t asked = size_t(random.below(uint64_t(count)));
    Problem problem;
    problem.family = "recall";
    problem.difficulty = count;
    problem.verifier = "numeric";
    problem.gold = values[asked];
    problem.canonical = fmt::format("recall {} {}", keys[asked], fmt::join(pairs, " "));
    problem.messages.push_back({Role::user, question + keys[asked] + "?"});
    problem.messages.push_back({Role::assistant, values[asked]});
    return problem;
  }

  IntRange pairs_;
};

}  // namespace

SetResult read_recall(OptionReader& in) {
  IntRange pairs = TRY(read_range(in, "pairs", {4, 16}, {1, kPairsMax}));
  return std::unique_ptr<ProblemSet>(new Recall(pairs));
}

}  // namespace weir
