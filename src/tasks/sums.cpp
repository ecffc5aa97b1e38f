// Running sums of labelled terms: "Rain: Mar 7, Apr 5, May 3. Total?" The worked reply goes from
// month to month and adds: "Mar 7; Apr +5=12; May +3=15". Labels begin at any month, so that every
// step from one month to the next is seen in short problems and long ones need nothing new but
// endurance (index hints: Zhou et al. 2023, arXiv:2310.16028). A step does not repeat the sum so
// far: it stands just before, and a step is six or seven tokens. With a larger first term, short
// problems practise the additions of long ones.
#include <fmt/format.h>

#include <array>

#include "tasks/kinds.h"

namespace weir {
namespace {

constexpr std::array kMonths = {"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
constexpr int kTermMax = 9;  // eleven of them stay below 100
constexpr int kTermsMax = 11;
constexpr int kFirstMax = 900;

class Sums final : public ProblemSet {
 public:
  Sums(IntRange terms, IntRange first, StyleMix styles)
      : terms_(terms), first_(first), styles_(std::move(styles)) {}

  int64_t count(Split) const override { return -1; }

  Result<Problem> make(uint64_t seed, Split split, uint64_t index) const override {
    Random random(kind_seed(seed, "sums"), index);
    for (;;) {
      Problem problem = draw(random);
      if (split_of(problem.messages.front().content) != split) continue;
      problem.place = fmt::format("sums #{}", index);
      return problem;
    }
  }

 private:
  Problem draw(Random& random) const {
    const int count = terms_.pick(random);
    const size_t first = size_t(random.below(kMonths.size()));
    std::string question, steps;
    int sum = 0;
    for (int i = 0; i < count; ++i) {
      const char* month = kMonths[(first + size_t(i)) % kMonths.size()];
      const int term = i ? 1 + int(random.below(kTermMax)) : first_.pick(random);
      question += fmt::format("{}{} {}", i ? ", " : "Rain: ", month, term);
      steps += i ? fmt::format("; {} +{}={}", month, term, sum + term)
                 : fmt::format("{} {}", month, term);
      sum += term;
    }
    Problem problem;
    problem.family = "sums";
    problem.difficulty = count;
    problem.style = styles_.pick(random);
    problem.verifier = "numeric";
    problem.gold = std::to_string(sum);
    problem.messages.push_back({Role::user, question + ". Total?"});
    Message reply{Role::assistant, std::to_string(sum)};
    reply.has_thinking = problem.style != "direct";
    if (problem.style == "worked") reply.thinking = steps;
    if (problem.style == "brief") reply.thinking = std::to_string(sum);
    problem.messages.push_back(std::move(reply));
    return problem;
  }

  IntRange terms_, first_;
  StyleMix styles_;
};

}  // namespace

SetResult read_sums(OptionReader& in) {
  IntRange terms = TRY(read_range(in, "terms", {2, 6}, {2, kTermsMax}));
  IntRange first = TRY(read_range(in, "first", {1, kTermMax}, {1, kFirstMax}));
  StyleMix styles = TRY(StyleMix::read(in, {"worked", "brief", "direct"}));
  return std::unique_ptr<ProblemSet>(new Sums(terms, first, std::move(styles)));
}

}  // namespace weir
