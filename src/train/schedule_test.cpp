#include "train/schedule.h"

#include <gtest/gtest.h>

namespace weir {
namespace {

TrainRecipe recipe(const std::string& name, int64_t steps, int64_t warmup) {
  TrainRecipe r;
  r.steps = steps;
  r.optimizer.lr = 2;
  r.schedule = {name, warmup, 0.1, 0.25};
  return r;
}

TEST(Schedule, WarmUpRisesLinearlyToTheFullRate) {
  for (const char* name : {"cosine", "wsd", "constant"}) {
    TrainRecipe r = recipe(name, 100, 4);
    EXPECT_DOUBLE_EQ(learning_rate(r, 0), 0.5);
    EXPECT_DOUBLE_EQ(learning_rate(r, 1), 1.0);
    EXPECT_DOUBLE_EQ(learning_rate(r, 3), 2.0);
    EXPECT_DOUBLE_EQ(learning_rate(r, 4), 2.0);
  }
}

TEST(Schedule, CosineFallsFromTheFullRateToTheFinalOne) {
  TrainRecipe r = recipe("cosine", 101, 0);
  EXPECT_DOUBLE_EQ(learning_rate(r, 0), 2.0);
  EXPECT_NEAR(learning_rate(r, 50), 1.1, 1e-12);
  EXPECT_NEAR(learning_rate(r, 100), 0.2, 1e-12);
  for (int64_t s = 1; s < 101; ++s) EXPECT_LT(learning_rate(r, s), learning_rate(r, s - 1));
}

TEST(Schedule, WarmupStableDecayDecaysInItsLastPart) {
  TrainRecipe r = recipe("wsd", 100, 10);
  EXPECT_DOUBLE_EQ(learning_rate(r, 74), 2.0);
  EXPECT_LT(learning_rate(r, 75), 2.0);
  EXPECT_NEAR(learning_rate(r, 99), 0.2, 1e-12);
}

TEST(Schedule, ConstantStays) {
  TrainRecipe r = recipe("constant", 100, 0);
  EXPECT_EQ(learning_rate(r, 0), learning_rate(r, 99));
}

TEST(Schedule, ShortestRunsHaveARate) {
  for (const char* name : {"cosine", "wsd", "constant"}) {
    EXPECT_GT(learning_rate(recipe(name, 1, 0), 0), 0);
    EXPECT_GT(learning_rate(recipe(name, 2, 1), 1), 0);
  }
}

TEST(Schedule, BiasesRestAndMtpWeightFallsAtTheirTime) {
  TrainRecipe r = recipe("constant", 100, 0);
  r.moe.bias_freeze_at = 0.9;
  r.mtp.switch_at = 0.5;
  EXPECT_GT(bias_speed(r, 89), 0);
  EXPECT_EQ(bias_speed(r, 90), 0);
  EXPECT_EQ(mtp_weight(r, 49), r.mtp.weight);
  EXPECT_EQ(mtp_weight(r, 50), r.mtp.final_weight);
}

TEST(Schedule, ARunMayBeLengthenedWhileNothingDoneDependsOnItsEnd) {
  const ScheduleUse none{false, false};
  EXPECT_TRUE(same_so_far(recipe("constant", 100, 5), 200, 100, none));
  EXPECT_FALSE(same_so_far(recipe("cosine", 100, 5), 200, 10, none));
  EXPECT_TRUE(same_so_far(recipe("cosine", 100, 5), 200, 5, none));  // still in the warm-up
  EXPECT_TRUE(same_so_far(recipe("wsd", 100, 5), 200, 75, none));
  EXPECT_FALSE(same_so_far(recipe("wsd", 100, 5), 200, 76, none));
  EXPECT_FALSE(same_so_far(recipe("constant", 100, 5), 200, 100, {false, true}));
  EXPECT_TRUE(same_so_far(recipe("constant", 100, 5), 200, 60, {false, true}));
}

}  // namespace
}  // namespace weir
