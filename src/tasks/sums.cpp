// Running sums of labelled terms: "Rain: Mar 7, Apr 5, May 3. Total?" The worked reply goes from
// month to month and adds: "Mar 7; Apr +5=12; May +3=15". Labels begin at any month, so that every
// step from one month to the next is seen in short problems and long ones need nothing new but
// endurance (index hints: Zhou et al. 2023, arXiv:2310.16028). A step does not repeat the sum so
// far: it stands just before, and a step is six or seven tokens. With a larger first term, short
// problems practise the additions of long ones.
//
// `task: most` asks for the largest term of the same lists instead ("Mar 7; Apr +5=7; May +9=9"). A
// model that saw long lists of these knows where the items of a long list stand, and has yet to find
// out that it can add them.
#include <fmt/format.h>

#include <algorithm>
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
  Sums(IntRange terms, IntRange first, bool asks_most, StyleMix styles)
      : terms_(terms), first_(first), asks_most_(asks_most), styles_(std::move(styles)) {}

  int64_t count(Split) const override { return -1; }

  Result<Problem> make(uint64_t seed, Split split, uint64_t index) const override {
    Random random(kind_seed(seed, asks_most_ ? "most" : "sums"), index);
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
    int result = 0;
    for (int i = 0; i < count; ++i) {
      const char* month = kMonths[(first + size_t(i)) % kMonths.size()];
      const int term = i ? 1 + int(random.below(kTermMax)) : first_.pick(random);
      question += fmt::format("{}{} {}", i ? ", " : "Rain: ", month, term);
      result = asks_most_ ? std::max(result, term) : result + term;
      steps += i ? fmt::format("; {} +{}={}", month, term, result)
                 : fmt::format("{} {}", month, term);
    }
    Problem problem;
    problem.family = asks_most_ ? "most" : "sums";
    problem.difficulty = count;
    problem.style = styles_.pick(random);
    problem.verifier = "numeric";
    problem.gold = std::to_string(result);
    problem.messages.push_back({Role::user, question + (asks_most_ ? ". Most?" : ". Total?")});
    Message reply{Role::assistant, std::to_string(result)};
    reply.has_thinking = problem.style != "direct";
    if (problem.style == "worked") reply.thinking = steps;
    if (problem.style == "brief") reply.thinking = std::to_string(result);
    problem.messages.push_back(std::move(reply));
    return problem;
  }

  IntRange terms_, first_;
  bool asks_most_;
  StyleMix styles_;
};

}  // namespace

SetResult read_sums(OptionReader& in) {
  IntRange terms = TRY(read_range(in, "terms", {2, 6}, {2, kTermsMax}));
  IntRange first = TRY(read_range(in, "first", {1, kTermMax}, {1, kFirstMax}));
  std::string task = "total";
  in.choice("task", task, {"total", "most"});
  StyleMix styles = TRY(StyleMix::read(in, {"worked", "brief", "direct"}));
  return std::unique_ptr<ProblemSet>(
      new Sums(terms, first, task == "most", std::move(styles)));
}

}  // namespace weir
