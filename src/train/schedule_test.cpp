#include "train/schedule.h"

#include <gtest/gtest.h>

namespace weir {
namespace {

constexpr ScheduleKind kAll[] = {ScheduleKind::cosine, ScheduleKind::wsd, ScheduleKind::constant};

TrainRecipe recipe(ScheduleKind kind, int64_t steps, int64_t warmup) {
  TrainRecipe r;
  r.steps = steps;
  r.optimizer.lr = 2;
  r.schedule = {kind, warmup, 0.1, 0.25};
  return r;
}

TEST(Schedule, WarmUpRisesLinearlyToTheFullRate) {
  for (ScheduleKind kind : kAll) {
    TrainRecipe r = recipe(kind, 100, 4);
    EXPECT_DOUBLE_EQ(learning_rate(r, 0), 0.5);
    EXPECT_DOUBLE_EQ(learning_rate(r, 1), 1.0);
    EXPECT_DOUBLE_EQ(learning_rate(r, 3), 2.0);
    EXPECT_DOUBLE_EQ(learning_rate(r, 4), 2.0);
  }
}

TEST(Schedule, CosineFallsFromTheFullRateToTheFinalOne) {
  TrainRecipe r = recipe(ScheduleKind::cosine, 101, 0);
  EXPECT_DOUBLE_EQ(learning_rate(r, 0), 2.0);
  EXPECT_NEAR(learning_rate(r, 50), 1.1, 1e-12);
  EXPECT_NEAR(learning_rate(r, 100), 0.2, 1e-12);
  for (int64_t s = 1; s < 101; ++s) EXPECT_LT(learning_rate(r, s), learning_rate(r, s - 1));
}

TEST(Schedule, WarmupStableDecayDecaysInItsLastPart) {
  TrainRecipe r = recipe(ScheduleKind::wsd, 100, 10);
  EXPECT_DOUBLE_EQ(learning_rate(r, 74), 2.0);
  EXPECT_LT(learning_rate(r, 75), 2.0);
  EXPECT_NEAR(learning_rate(r, 99), 0.2, 1e-12);
}

TEST(Schedule, ConstantStays) {
  TrainRecipe r = recipe(ScheduleKind::constant, 100, 0);
  EXPECT_EQ(learning_rate(r, 0), learning_rate(r, 99));
}

TEST(Schedule, ShortestRunsHaveARate) {
  for (ScheduleKind kind : kAll) {
    EXPECT_GT(learning_rate(recipe(kind, 1, 0), 0), 0);
    EXPECT_GT(learning_rate(recipe(kind, 2, 1), 1), 0);
  }
}

TEST(Schedule, BiasesRestAndMtpWeightFallsAtTheirTime) {
  TrainRecipe r = recipe(ScheduleKind::constant, 100, 0);
  r.moe.bias_freeze_at = 0.9;
  r.mtp.switch_at = 0.5;
  EXPECT_GT(bias_speed(r, 89), 0);
  EXPECT_EQ(bias_speed(r, 90), 0);
  EXPECT_EQ(mtp_weight(r, 49), r.mtp.weight);
  EXPECT_EQ(mtp_weight(r, 50), r.mtp.final_weight);
}

TEST(Schedule, ARunMayBeLengthenedWhileNothingDoneDependsOnItsEnd) {
  const ScheduleUse none{false, false};
  EXPECT_TRUE(same_so_far(recipe(ScheduleKind::constant, 100, 5), 200, 100, none));
  EXPECT_FALSE(same_so_far(recipe(ScheduleKind::cosine, 100, 5), 200, 10, none));
  EXPECT_TRUE(
      same_so_far(recipe(ScheduleKind::cosine, 100, 5), 200, 5, none));  // still in the warm-up
  EXPECT_TRUE(same_so_far(recipe(ScheduleKind::wsd, 100, 5), 200, 75, none));
  EXPECT_FALSE(same_so_far(recipe(ScheduleKind::wsd, 100, 5), 200, 76, none));
  EXPECT_FALSE(same_so_far(recipe(ScheduleKind::constant, 100, 5), 200, 100, {false, true}));
  EXPECT_TRUE(same_so_far(recipe(ScheduleKind::constant, 100, 5), 200, 60, {false, true}));
}

TEST(StageRate, WarmsUpStaysAndDecays) {
  RateRecipe rate;
  rate.lr = 1;
  rate.warmup_steps = 3;
  rate.decay_fraction = 0.5;
  rate.final_ratio = 0.4;
  const double expected[] = {0.25, 0.5, 0.75, 1, 1, 1, 1, 0.9, 0.8, 0.7, 0.6, 0.5};
  for (int64_t step = 0; step < 12; ++step)
    EXPECT_NEAR(stage_rate(rate, step, 12), expected[step], 1e-12) << step;
  rate.decay_fraction = rate.warmup_steps = 0;
  EXPECT_EQ(stage_rate(rate, 0, 10), 1);
  EXPECT_EQ(stage_rate(rate, 9, 10), 1);
}

TEST(StageRate, N24WarmUpTakesAtMostAQuarterOfTheSteps) {
  RateRecipe rate;  // the default warm-up of ten steps
  rate.lr = 1;
  EXPECT_EQ(stage_rate(rate, 1, 10), 2.0 / 3);
  EXPECT_EQ(stage_rate(rate, 2, 10), 1) << "a stage of ten steps reaches its rate";
  EXPECT_EQ(stage_rate(rate, 0, 3), 1);
  EXPECT_EQ(stage_rate(rate, 9, 100), 10.0 / 11);
  EXPECT_EQ(stage_rate(rate, 10, 100), 1);
}

TEST(StageRate, AFurtherRoundDecaysByItselfWithoutWarmUp) {
  RateRecipe rate;
  rate.lr = 1;
  rate.decay_fraction = 0.5;
  rate.final_ratio = 0;
  ASSERT_EQ(round_steps(12), 4);
  for (int64_t begin : {12, 16, 20}) {
    const double expected[] = {1, 1, 1, 0.5};
    for (int64_t step = 0; step < 4; ++step)
      EXPECT_EQ(stage_rate(rate, begin + step, 12), expected[step]) << begin + step;
  }
}

}  // namespace
}  // namespace weir
