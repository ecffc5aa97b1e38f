#include "stages/rewards.h"

#include <cmath>

#include "testing/r1_fixture.h"

namespace weir {
namespace {

using Doubles = std::vector<double>;

void expect_near(const Doubles& found, const Doubles& expected) {
  ASSERT_EQ(found.size(), expected.size());
  for (size_t i = 0; i < found.size(); ++i) EXPECT_NEAR(found[i], expected[i], 1e-12) << i;
}

TEST(Advantages, AreScaledByGroupBatchOrNothing) {
  const Doubles rewards = {1, 0, 0, 1, 4, 0};
  const std::vector<size_t> groups = {0, 0, 0, 0, 1, 1};
  // Means 0.5 and 2; deviations 0.5 and 2; of the batch sqrt((4 * 0.25 + 2 * 4) / 6) = sqrt(1.5).
  expect_near(advantages(rewards, groups, AdvantageScale::none), {.5, -.5, -.5, .5, 2, -2});
  expect_near(advantages(rewards, groups, AdvantageScale::group), {1, -1, -1, 1, 1, -1});
  const double d = std::sqrt(1.5);
  expect_near(advantages(rewards, groups, AdvantageScale::batch),
              {.5 / d, -.5 / d, -.5 / d, .5 / d, 2 / d, -2 / d});
}

// One group with few and one with many right: their sizes stay apart, and the whole has spread 1.
TEST(Advantages, F27OfABatchHaveOneSpreadTogether) {
  const Doubles rewards = {1, 0, 0, 0, 0, 0, 0, 0, 3, 0, 3, 0, 3, 0, 3, 0};
  const std::vector<size_t> groups = {0, 0, 0, 0, 0, 0, 0, 0, 1, 1, 1, 1, 1, 1, 1, 1};
  const Doubles plain = advantages(rewards, groups, AdvantageScale::none);
  const Doubles batch = advantages(rewards, groups, AdvantageScale::batch);
  double squares = 0;
  for (size_t i = 0; i < batch.size(); ++i) {
    squares += batch[i] * batch[i];
    EXPECT_NEAR(batch[i] / batch[0], plain[i] / plain[0], 1e-12) << i;
  }
  EXPECT_NEAR(squares / double(batch.size()), 1, 1e-12);
  EXPECT_NE(batch, plain);
}

// Three times 0.1 is not 0.3 in binary; the difference must not be blown up to 1.
TEST(Advantages, OfAGroupWithEqualRewardsAreZero) {
  const std::vector<size_t> groups = {3, 3, 3, 5, 5};
  for (AdvantageScale scale : {AdvantageScale::group, AdvantageScale::batch, AdvantageScale::none})
    for (double reward : {0.0, 0.1, 0.7, -1.0 / 3, 1.2}) {
      const Doubles mixed = advantages(Doubles{reward, reward, reward, 1, 0}, groups, scale);
      EXPECT_EQ(Doubles(mixed.begin(), mixed.begin() + 3), (Doubles{0, 0, 0})) << reward;
      EXPECT_GT(mixed[3], 0);
      const Doubles all =
          advantages(Doubles{reward, reward, reward}, std::vector<size_t>{0, 0, 0}, scale);
      EXPECT_EQ(all, (Doubles{0, 0, 0})) << reward;
    }
  EXPECT_TRUE(advantages({}, {}, AdvantageScale::batch).empty());
}

// Two problems and a reply to each.
struct Replies {
  std::vector<Problem> problems = {made_problem("q", "a", "a"), made_problem("r", "b", "")};
  std::vector<Rollout> rollouts = std::vector<Rollout>(2);
  Replies() {
    problems[1].family = "talk";
    for (size_t i = 0; i < 2; ++i) {
      rollouts[i].problem = i;
      rollouts[i].verdict = i == 0 ? Verdict::right : Verdict::unparseable;
      rollouts[i].reply.is_well_formed = rollouts[i].reply.is_ended = true;
    }
    rollouts[0].language = 0.75;
    rollouts[1].reply.thinking_tokens = 30;
  }
};

std::vector<RewardedReply> rewards_of(const std::string& parts, const Replies& replies,
                                      double progress = 0) {
  const R1Recipe recipe =
      must_r1_recipe(tiny_recipe("  rl: {kind: grpo, steps: 1, data: {facts: {}}, length_target: "
                                 "20, rewards: " +
                                 parts + "}\n"));
  if (recipe.stages.empty()) return {};
  const RewardFunction function(recipe.stages[0].grpo, {});
  Result<std::vector<RewardedReply>> found =
      function.evaluate(replies.problems, replies.rollouts, progress);
  EXPECT_TRUE(found) << found.error().message;
  return found ? *found : std::vector<RewardedReply>(2);
}

TEST(RewardFunction, AddsItsPartsByWeight) {
  const auto all = rewards_of("{accuracy: 2, format: 0.5, language: 0.2, length: 0.1}", Replies());
  EXPECT_NEAR(all[0].reward, 2 * 1 + 0.5 * 1 + 0.2 * 0.75 + 0, 1e-12);
  // Thirty tokens where twenty are wanted: half of the target too many.
  EXPECT_NEAR(all[1].reward, 0.5 * 1 + 0.2 * 1 - 0.1 * 0.5, 1e-12);
  EXPECT_EQ(all[0].parts, (std::array<double, 7>{1, 1, 0.75, 0, 0, 0, 0}));
  EXPECT_EQ(all[1].parts, (std::array<double, 7>{0, 1, 1, -0.5, 0, 0, 0}));
  EXPECT_EQ(all[0].counts, (std::array<bool, 7>{true, true, true, true, false, false, false}));
  EXPECT_FALSE(all[1].counts[0]) << "without a verifier there is no accuracy";
}

TEST(RewardFunction, CountsRightRepliesThatEnded) {
  Replies replies;
  replies.rollouts[0].is_truncated = true;
  replies.rollouts[1].reply.is_well_formed = false;
  const auto all = rewards_of("{accuracy: 1, format: 1}", replies);
  EXPECT_EQ(all[0].reward, 1) << "well formed, and cut: not right";
  EXPECT_EQ(all[1].reward, 0);
}

TEST(RewardFunction, LengthFallsToMinusOneAndNoFurther) {
  Replies replies;
  const std::pair<int, double> cases[] = {{0, 0}, {20, 0}, {25, -0.25}, {40, -1}, {400, -1}};
  for (const auto& [tokens, value] : cases) {
    replies.rollouts[0].reply.thinking_tokens = tokens;
    EXPECT_NEAR(rewards_of("{length: 1}", replies)[0].reward, value, 1e-12) << tokens;
  }
}

TEST(RewardFunction, PartsBeginLaterAreCappedAndChooseFamilies) {
  const std::string late = "{format: {weight: 1, from: 0.5}}";
  EXPECT_EQ(rewards_of(late, Replies(), 0.49)[0].reward, 0);
  EXPECT_FALSE(rewards_of(late, Replies(), 0.49)[0].counts[1]);
  EXPECT_EQ(rewards_of(late, Replies(), 0.5)[0].reward, 1);
  EXPECT_NEAR(rewards_of("{language: {weight: 2, cap: 0.5}}", Replies())[0].reward, 1, 1e-12);
  EXPECT_NEAR(rewards_of("{length: {weight: 2, cap: 0.25}}", Replies())[1].reward, -0.5, 1e-12);
  const auto talk = rewards_of("{format: {weight: 1, families: [talk, other]}}", Replies());
  EXPECT_EQ(talk[0].reward, 0);
  EXPECT_FALSE(talk[0].counts[1]);
  EXPECT_EQ(talk[1].reward, 1);
  EXPECT_EQ(rewards_of("{accuracy: -1}", Replies())[0].reward, -1) << "weights may punish";
}

}  // namespace
}  // namespace weir
