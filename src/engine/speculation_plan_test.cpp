// Which guesses are verified: costs and shares are told to the planner, no model runs.
#include <gtest/gtest.h>

#include "engine/speculation.h"

namespace weir {
namespace {

TEST(PassCost, IsTheMedianOfTheLastPassesAndInterpolates) {
  PassCost cost;
  EXPECT_EQ(cost.seconds(1), 0);
  for (double seconds : {1.0, 1.0, 50.0, 1.0, 1.0}) cost.observe(1, seconds);
  EXPECT_TRUE(cost.is_known(1));
  EXPECT_FALSE(cost.is_known(5));
  for (int i = 0; i < 30; ++i) cost.observe(1, 1.0), cost.observe(5, 3.0);
  EXPECT_NEAR(cost.seconds(5) / cost.seconds(1), 3, 0.05);
  EXPECT_NEAR(cost.seconds(3) / cost.seconds(1), 2, 0.05);
  EXPECT_GT(cost.seconds(9), cost.seconds(5));
  EXPECT_LT(cost.seconds(9), 2 * cost.seconds(5));
  cost.observe(1000, 20);
  EXPECT_TRUE(cost.seconds(100) > cost.seconds(5));
}

// Twice as slow for everybody: seen in passes of one row alone, it holds for the others.
TEST(PassCost, FollowsWhatSlowsAllPasses) {
  PassCost cost;
  for (int i = 0; i < 10; ++i) cost.observe(1, 1.0), cost.observe(4, 2.0);
  for (int i = 0; i < 40; ++i) cost.observe(1, 2.0);
  EXPECT_NEAR(cost.seconds(1), 2, 0.1);
  EXPECT_NEAR(cost.seconds(4), 4, 0.6);
}

TEST(Acceptance, CountsByClassAndForgets) {
  Acceptance acceptance;
  EXPECT_EQ(Acceptance::class_of_match(2), 0);
  EXPECT_EQ(Acceptance::class_of_match(1000), Acceptance::kClasses - 1);
  EXPECT_EQ(Acceptance::class_of_chance(0), 0);
  EXPECT_EQ(Acceptance::class_of_chance(1), Acceptance::kClasses - 1);
  EXPECT_EQ(acceptance.share(3, 0.7), 0.7);
  for (int i = 0; i < 300; ++i) acceptance.observe(3, i % 4 != 0);
  EXPECT_NEAR(acceptance.share(3, 0), 0.75, 0.1);
  EXPECT_EQ(acceptance.share(2, 0.4), 0.4);
  for (int i = 0; i < 300; ++i) acceptance.observe(3, false);
  EXPECT_LT(acceptance.share(3, 1), 0.1);
}

// A sequence that repeats "1 2 3 4 5 ..." with the given period, and the planner's guesses for it.
struct Repeating {
  explicit Repeating(SpeculationOptions options) : speculator(options, nullptr) {
    request.tokens_max = 100000;
    for (int i = 0; i < 40; ++i) tokens.push_back(i % 20);
  }
  // One pass: the sequence goes on as it repeats, or, if `surprises`, with a token of its own.
  std::vector<int> pass(bool surprises, double seconds_of_row) {
    const DraftedSequence sequence{0, tokens, 40, &request, 1000};
    const std::vector<int> guesses = speculator.draft({&sequence, 1}, kGuessesMax)[0];
    const size_t known = tokens.size();
    for (size_t i = 0; i <= guesses.size(); ++i) {
      const int next = surprises ? 1000 + int(known) : int(tokens.size()) % 20;
      tokens.push_back(next);
      if (i == guesses.size() || guesses[i] != next) break;
    }
    if (surprises)  // then back into the repetition, at a multiple of its length
      for (int i = 0; i < 4; ++i) tokens.push_back(i + 3);
    speculator.learn(0, std::span<const int>(tokens).subspan(known));
    speculator.observe_pass(1 + int(guesses.size()), 1 + seconds_of_row * double(guesses.size()));
    return guesses;
  }
  Speculator speculator;
  TokenRequest request;
  std::vector<int> tokens;
};

TEST(Speculator, MeasuresAPassWithoutGuessesFirst) {
  Repeating repeating({.ngrams = true});
  EXPECT_TRUE(repeating.pass(false, 0).empty());
  EXPECT_TRUE(repeating.pass(false, 0).empty());
  EXPECT_FALSE(repeating.pass(false, 0).empty());
}

TEST(Speculator, CheapRowsGetAllGuessesThatComeTrue) {
  Repeating repeating({.ngrams = true, .tokens_max = 6});
  for (int i = 0; i < 30; ++i) repeating.pass(false, 0.02);
  const auto guesses = repeating.pass(false, 0.02);
  ASSERT_EQ(guesses.size(), 6u);
  for (size_t i = 0; i < 6; ++i) EXPECT_EQ(guesses[i], (guesses[0] + int(i)) % 20);
}

TEST(Speculator, RowsAsDearAsPassesGetNoGuesses) {
  Repeating repeating({.ngrams = true, .tokens_max = 6});
  int guessed = 0;
  for (int i = 0; i < 200; ++i) guessed += !repeating.pass(false, 1.1).empty();
  EXPECT_LT(guessed, 20);  // some to measure, then one in 64
  EXPECT_GT(guessed, 0);
}

TEST(Speculator, GuessesThatNeverComeTrueStop) {
  Repeating repeating({.ngrams = true, .tokens_max = 6});
  int guessed = 0;
  for (int i = 0; i < 200; ++i) guessed += i >= 100 && !repeating.pass(true, 0.3).empty();
  EXPECT_LT(guessed, 5);
  // They are learned about without being verified.
  for (int i = 0; i < 60; ++i) repeating.pass(false, 0.3);
  EXPECT_FALSE(repeating.pass(false, 0.3).empty());
}

TEST(Speculator, RowsOfAPassAreSharedByPromise) {
  Speculator speculator({.ngrams = true, .tokens_max = 32, .adapts = false}, nullptr);
  TokenRequest request;
  std::vector<int> sure, unsure = {1, 2, 7, 7, 8, 8, 9, 9, 1, 2};
  for (int i = 0; i < 120; ++i) sure.push_back(i % 40);
  const DraftedSequence sequences[] = {{0, unsure, 1, &request, 100}, {1, sure, 1, &request, 100}};
  auto drafts = speculator.draft(sequences, 20);
  EXPECT_LT(drafts[0].size(), drafts[1].size());
  EXPECT_EQ(drafts[0].size() + drafts[1].size(), 20u);
  const DraftedSequence limited[] = {{0, unsure, 1, &request, 0}, {1, sure, 1, &request, 3}};
  drafts = speculator.draft(limited, 20);
  EXPECT_EQ(drafts[0].size(), 0u);
  EXPECT_EQ(drafts[1].size(), 3u);
}

}  // namespace
}  // namespace weir
