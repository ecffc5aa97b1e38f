// Running sums of labelled lists: "Rain: Mar 7, Apr 0, May 3. Total?" The worked reply goes from
// month to month and adds: "Mar 7; Apr +0=7; May +3=10". Labels begin at any month, so that every
// step from one month to the next is seen in all lists (index hints: Zhou et al. 2023,
// arXiv:2310.16028). The number of terms is that of the months with rain; lists are longer, and the
// rest of them is dry. So lists of all lengths are seen, and a problem with more terms than any
// before needs nothing new but more additions in a row and larger sums. A step does not repeat the
// sum so far: it comes just before, and a step is six or seven tokens.
//
// Which problems are held out is a function of what is asked and of the terms, whatever their order
// and their months.
//
// `task: most` asks for the largest term instead: "Mar 7; Apr +0=7; May +9=9".
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
    Problem problem =
        TRY(draw_on_side(split, "widen 'terms' or 'first'", [&] { return draw(random); }));
    problem.place = fmt::format("sums #{}", index);
    return problem;
  }

 private:
  Problem draw(Random& random) const {
    const int count = options_.terms.pick(random);
    const int longest = std::max(count, options_.list_max);
    const int listed = count + int(random.below(uint64_t(longest - count + 1)));
    const std::vector<bool> is_wet = place(count, listed, random);
    const size_t start = size_t(random.below(kMonths.size()));
    std::string question, steps;
    std::vector<int> terms;
    int result = 0;
    bool has_rained = false;
    for (int i = 0; i < listed; ++i) {
      const char* month = kMonths[(start + size_t(i)) % kMonths.size()];
      int term = 0;
      if (is_wet[size_t(i)])
        term = has_rained ? 1 + int(random.below(kTermMax)) : options_.first.pick(random);
      if (is_wet[size_t(i)]) terms.push_back(term);
      has_rained |= is_wet[size_t(i)];
      result = options_.asks_most ? std::max(result, term) : result + term;
      question += fmt::format("{}{} {}", i ? ", " : "Rain: ", month, term);
      steps +=
          i ? fmt::format("; {} +{}={}", month, term, result) : fmt::format("{} {}", month, term);
    }
    Problem problem;
    problem.family = options_.asks_most ? "most" : "sums";
    problem.difficulty = count;
    problem.style = styles_.pick(random);
    problem.verifier = "numeric";
    problem.gold = std::to_string(result);
    std::sort(terms.begin(), terms.end());
    problem.canonical =
        fmt::format("sums {} {}", options_.asks_most ? "most" : "total", fmt::join(terms, " "));
    problem.messages.push_back(
        {Role::user, question + (options_.asks_most ? ". Most?" : ". Total?")});
    Message reply{Role::assistant, std::to_string(result)};
    reply.has_thinking = problem.style != "direct";
    if (problem.style == "worked") reply.thinking = steps;
    if (problem.style == "brief") reply.thinking = std::to_string(result);
    problem.messages.push_back(std::move(reply));
    return problem;
  }

  // `count` of `listed` places, every choice equally probable (Knuth, algorithm 3.4.2 S).
  static std::vector<bool> place(int count, int listed, Random& random) {
    std::vector<bool> chosen(static_cast<size_t>(listed));
    for (int i = 0, left = count; i < listed; ++i)
      if (int(random.below(uint64_t(listed - i))) < left) chosen[size_t(i)] = true, --left;
    return chosen;
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
