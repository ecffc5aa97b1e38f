#include "tasks/countdown.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <set>

#include "base/text.h"
#include "testing/problem_fixture.h"

namespace weir {
namespace {

bool needs_all(const CountdownSearch& search, int target) {
  return !std::binary_search(search.shorter.begin(), search.shorter.end(), target);
}

enum class Targets { needing_all, any };

// Over all choices of three numbers from 1 to `range`, each target weighed by the trials that hit
// it, as the generator draws: the share of problems solved by the first `tries` in random order.
double solved_within(size_t tries, Targets wanted = Targets::needing_all, int range = 20) {
  double sum = 0, problems = 0;
  for (int a = 1; a <= range; ++a)
    for (int b = 1; b <= range; ++b)
      for (int c = 1; c <= range; ++c) {
        const CountdownSearch search = search_countdown(std::array{a, b, c});
        std::map<int, size_t> hits;
        for (const CountdownTrial& trial : search.trials)
          if (trial.result() <= kCountdownValueMax &&
              (wanted == Targets::any || needs_all(search, trial.result())))
            ++hits[trial.result()];
        double solved = 0, targets = 0;
        for (const auto& [target, count] : hits) {
          solved += double(count) * random_order_chance(search.trials.size(), count, tries);
          targets += double(count);
        }
        if (targets > 0) sum += solved / targets, ++problems;
      }
  return sum / problems;
}

std::set<std::string> trial_texts(std::span<const int> numbers, int target) {
  std::set<std::string> texts;
  for (const CountdownTrial& trial : search_countdown(numbers).trials)
    texts.insert(trial_text(trial, target));
  return texts;
}

TEST(Countdown, RandomOrderSolvesWhatTheDocumentsSay) {
  EXPECT_NEAR(solved_within(1), 0.093, 0.0005);
  EXPECT_NEAR(solved_within(4), 0.332, 0.0005);
  EXPECT_NEAR(solved_within(8), 0.566, 0.0005);
  EXPECT_NEAR(solved_within(12), 0.724, 0.0005);
  // recipes/countdown.yaml
  EXPECT_NEAR(solved_within(12, Targets::needing_all, 12), 0.611, 0.0005);
}

TEST(Countdown, EachProblemKnowsWhatRandomOrderFinds) {
  const auto set = must_set("{kind: countdown, numbers: 3, range: [1, 12], trials: 12}");
  double sum = 0, solved = 0;
  constexpr int kProblems = 10'000;
  for (uint64_t i = 0; i < kProblems; ++i) {
    const Problem problem = must_make(*set, i);
    ASSERT_GE(problem.chance, 0);
    sum += problem.chance;
    solved += replied(problem) != "not found";  // the traces are such a search
  }
  EXPECT_NEAR(sum / kProblems, solved_within(12, Targets::needing_all, 12), 0.01);
  EXPECT_NEAR(sum / kProblems, solved / kProblems, 0.025);  // five standard deviations
  EXPECT_LT(must_make(*must_set("{kind: countdown, order: listed}"), 0).chance, 0);
}

TEST(Countdown, TargetsInReachOfTwoNumbersWouldBeEasier) {
  EXPECT_NEAR(solved_within(1, Targets::any), 0.1123, 0.0005);
  EXPECT_NEAR(solved_within(4, Targets::any), 0.3791, 0.0005);
  EXPECT_NEAR(solved_within(8, Targets::any), 0.6172, 0.0005);
  EXPECT_NEAR(solved_within(12, Targets::any), 0.7674, 0.0005);
}

TEST(Countdown, TracesSolveTheShareThatTheirTrialsAllow) {
  const auto set = must_set("{kind: countdown, trials: 8}");
  int solved = 0;
  constexpr int kProblems = 20'000;
  for (uint64_t i = 0; i < kProblems; ++i) solved += replied(must_make(*set, i)) != "not found";
  // Five standard deviations.
  EXPECT_NEAR(double(solved) / kProblems, solved_within(8), 0.0175);
}

TEST(Countdown, TwoNumbersGiveEverythingThatCanBeMade) {
  EXPECT_EQ(trial_texts(std::array{3, 12}, 7),
            (std::set<std::string>{"3,12?7:+15", "3,12?7:*36", "3,12?7:-9", "3,12?7:/4"}));
  EXPECT_EQ(search_countdown(std::array{3, 12}).shorter, (std::vector<int>{3, 12}));
  EXPECT_EQ(search_countdown(std::array{7, 7}).trials.size(), 3u) << "7-7 is nothing";
}

TEST(Countdown, WhatIsLeftStandsBeforeTheLastStep) {
  const std::set<std::string> three = trial_texts(std::array{3, 7, 12}, 48);
  for (const char* text : {"7-3=4,12?48:*48", "7-3=4,12?48:/3", "12-7=5,3?48:*15", "12-3=9,7?48:-2",
                           "3+7=10,12?48:*>99"})
    EXPECT_TRUE(three.contains(text)) << text;
  EXPECT_TRUE(trial_texts(std::array{3, 7, 12, 2}, 24).contains("7-3=4,4*12=48,2?24:/24"));
}

TEST(Countdown, ExpressionsSayWhatTheTrialsDid) {
  const std::array numbers = {3, 7, 12, 2};
  const auto verifier = make_verifier("countdown");
  ASSERT_TRUE(verifier);
  size_t checked = 0;
  for (const CountdownTrial& trial : search_countdown(numbers).trials) {
    if (trial.result() > 99) continue;
    const std::string expression = trial_expression(trial, numbers);
    EXPECT_EQ((*verifier)->check(expression, "3 7 12 2;" + std::to_string(trial.result())),
              Verdict::right)
        << expression << " for " << trial_text(trial, trial.result());
    ++checked;
  }
  EXPECT_GT(checked, 100u);
}

TEST(Countdown, ATraceEndsWithItsFirstHitOrWithItsLimit) {
  const auto set = must_set("{kind: countdown, trials: 5}");
  for (uint64_t i = 0; i < 2000; ++i) {
    const Problem problem = must_make(*set, i);
    const std::string target = split(problem.gold, ';')[1];
    const std::vector<std::string> trials = split(problem.messages.back().thinking, ';');
    const bool is_solved = replied(problem) != "not found";
    ASSERT_LE(trials.size(), 5u);
    if (!is_solved) {
      ASSERT_EQ(trials.size(), 5u) << problem.messages.back().thinking;
    }
    for (size_t t = 0; t < trials.size(); ++t) {
      ASSERT_NE(trials[t].find("?" + target + ":"), std::string::npos) << trials[t];
      const std::string last = split(trials[t], ':')[1];
      ASSERT_EQ(last.substr(1) == target, is_solved && t + 1 == trials.size()) << trials[t];
    }
  }
}

TEST(Countdown, NoShorterExpressionReachesTheTarget) {
  const auto set = must_set("{kind: countdown, numbers: [3, 4]}");
  for (uint64_t i = 0; i < 500; ++i) {
    const Problem problem = must_make(*set, i);
    std::vector<int> numbers;
    for (const std::string& number : split(split(problem.gold, ';')[0], ' '))
      numbers.push_back(std::stoi(number));
    EXPECT_TRUE(needs_all(search_countdown(numbers), std::stoi(split(problem.gold, ';')[1])));
  }
}

// The sorted numbers and the target: the problem, whatever its question's order.
std::string problem_key(const Problem& problem) {
  const std::vector<std::string> gold = split(problem.gold, ';');
  std::vector<int> numbers;
  for (const std::string& number : split(gold[0], ' ')) numbers.push_back(std::stoi(number));
  std::sort(numbers.begin(), numbers.end());
  std::string key;
  for (int number : numbers) key += std::to_string(number) + " ";
  return key + "> " + gold[1];
}

// recipes/countdown.yaml's: three numbers from 1 to 12, targets that need all of them.
std::set<std::string> all_problems() {
  std::set<std::string> all;
  for (int a = 1; a <= 12; ++a)
    for (int b = a; b <= 12; ++b)
      for (int c = b; c <= 12; ++c) {
        // The trials of every order are those of one: results do not depend on it.
        const CountdownSearch search = search_countdown(std::array{a, b, c});
        for (const CountdownTrial& trial : search.trials)
          if (trial.result() <= kCountdownValueMax && needs_all(search, trial.result()))
            all.insert(fmt::format("{} {} {} > {}", a, b, c, trial.result()));
      }
  return all;
}

TEST(Countdown, F36NoProblemIsOnBothSidesInAnyOrderOfItsNumbers) {
  const auto set = must_set("{kind: countdown, numbers: 3, range: [1, 12], trials: 12}");
  const std::set<std::string> all = all_problems();
  EXPECT_EQ(all.size(), 3511u) << "as a count in Python has it";
  std::set<std::string> train, held_out;
  for (uint64_t i = 0; i < 12'000; ++i) train.insert(problem_key(must_make(*set, i)));
  for (uint64_t i = 0; i < 1'000; ++i)
    held_out.insert(problem_key(must_make(*set, i, Split::held_out)));
  for (const std::string& problem : held_out) EXPECT_FALSE(train.contains(problem)) << problem;
  // Most problems were drawn, in one order or another.
  EXPECT_GT(train.size() + held_out.size(), all.size() * 8 / 10);
  for (const std::set<std::string>* side : {&train, &held_out})
    for (const std::string& problem : *side) EXPECT_TRUE(all.contains(problem)) << problem;
  EXPECT_GT(held_out.size(), all.size() / 20);
  EXPECT_LT(held_out.size(), all.size() / 7);
}

TEST(Countdown, F36OrdersOfTwoAndFourNumbersAreOnOneSideToo) {
  for (const char* yaml : {"{kind: countdown, numbers: 2, range: [1, 12]}",
                           "{kind: countdown, numbers: 4, range: [1, 5]}"}) {
    const auto set = must_set(yaml);
    std::set<std::string> train;
    for (uint64_t i = 0; i < 5'000; ++i) train.insert(problem_key(must_make(*set, i)));
    for (uint64_t i = 0; i < 500; ++i) {
      const std::string key = problem_key(must_make(*set, i, Split::held_out));
      ASSERT_FALSE(train.contains(key)) << yaml << ": " << key;
    }
  }
}

TEST(Countdown, ImpossibleOptionsEndInASentence) {
  const auto set = must_set("{kind: countdown, numbers: 2, range: 1, target_max: 1}");
  ASSERT_NE(set, nullptr);
  const auto problem = set->make(1, Split::train, 0);
  ASSERT_FALSE(problem);
  EXPECT_NE(problem.error().message.find("widen 'range'"), std::string::npos);
}

}  // namespace
}  // namespace weir
