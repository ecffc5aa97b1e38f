// Running sums over the beginning of a labelled list: "Rain: Mar 7, Apr 5, May 3, Jun 9. Total to
// May?" The worked reply goes from month to month and adds: "Mar 7; Apr +5=12; May +3=15". Labels
// begin at any month, lists are longer than what is asked of them, and the month asked for says
// where to end: short problems show every step that a long one takes, and a long one needs nothing
// new but endurance (index hints: Zhou et al. 2023, arXiv:2310.16028). A step does not repeat the
// sum so far: it stands just before, and a step is six or seven tokens. With a larger first term,
// short problems practise the additions of long ones.
//
// `task: most` asks for the largest term instead: "Mar 7; Apr +5=7; May +9=9".
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
  struct Options {
    IntRange terms, first;
    int list_max;
    bool asks_most;
  };
  Sums(const Options& options, StyleMix styles) : options_(options), styles_(std::move(styles)) {}

  int64_t count(Split) const override { return -1; }

  Result<Problem> make(uint64_t seed, Split split, uint64_t index) const override {
    Random random(kind_seed(seed, options_.asks_most ? "most" : "sums"), index);
    for (;;) {
      Problem problem = draw(random);
      if (split_of(problem.messages.front().content) != split) continue;
      problem.place = fmt::format("sums #{}", index);
      return problem;
    }
  }

 private:
  Problem draw(Random& random) const {
    const int count = options_.terms.pick(random);
    const int longest = std::max(count, options_.list_max);
    const int listed = count + int(random.below(uint64_t(longest - count + 1)));
    const size_t first = size_t(random.below(kMonths.size()));
    std::string question, steps;
    int result = 0;
    const char* last = nullptr;
    for (int i = 0; i < listed; ++i) {
      const char* month = kMonths[(first + size_t(i)) % kMonths.size()];
      const int term = i ? 1 + int(random.below(kTermMax)) : options_.first.pick(random);
      question += fmt::format("{}{} {}", i ? ", " : "Rain: ", month, term);
      if (i >= count) continue;
      last = month;
      result = options_.asks_most ? std::max(result, term) : result + term;
      steps +=
          i ? fmt::format("; {} +{}={}", month, term, result) : fmt::format("{} {}", month, term);
    }
    Problem problem;
    problem.family = options_.asks_most ? "most" : "sums";
    problem.difficulty = count;
    problem.style = styles_.pick(random);
    problem.verifier = "numeric";
    problem.gold = std::to_string(result);
    problem.messages.push_back(
        {Role::user,
         fmt::format("{}. {} to {}?", question, options_.asks_most ? "Most" : "Total", last)});
    Message reply{Role::assistant, std::to_string(result)};
    reply.has_thinking = problem.style != "direct";
    if (problem.style == "worked") reply.thinking = steps;
    if (problem.style == "brief") reply.thinking = std::to_string(result);
    problem.messages.push_back(std::move(reply));
    return problem;
  }

  Options options_;
  StyleMix styles_;
};

}  // namespace

SetResult read_sums(OptionReader& in) {
  Sums::Options options;
  options.terms = TRY(read_range(in, "terms", {2, 6}, {2, kTermsMax}));
  options.first = TRY(read_range(in, "first", {1, kTermMax}, {1, kFirstMax}));
  options.list_max = kTermsMax;
  in.field("list", options.list_max, 2, kTermsMax);
  std::string task = "total";
  in.choice("task", task, {"total", "most"});
  options.asks_most = task == "most";
  StyleMix styles = TRY(StyleMix::read(in, {"worked", "brief", "direct"}));
  return std::unique_ptr<ProblemSet>(new Sums(options, std::move(styles)));
}

}  // namespace weir
