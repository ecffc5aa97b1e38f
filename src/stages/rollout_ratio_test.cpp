// The correction of rounded rollouts on a policy small enough to know its expectations.
#include "stages/rollout_ratio.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <cmath>

#include "base/random.h"
#include "stages/policy_objective.h"

namespace weir {
namespace {

constexpr size_t kActions = 5;
using Vector = std::array<double, kActions>;

Vector softmax(const Vector& logits) {
  Vector p;
  double sum = 0;
  for (size_t i = 0; i < kActions; ++i) sum += p[i] = std::exp(logits[i]);
  for (double& x : p) x /= sum;
  return p;
}

// A policy of one token, softmax(theta), and what draws instead of it: the same logits, rounded to
// halves.
struct Bandit {
  Vector theta = {0.3, -0.7, 1.2, 0.2, -1.4};
  Vector reward = {1, -0.5, 0.25, -1, 2};
  Vector p = softmax(theta), q;
  Bandit() {
    Vector rounded = theta;
    for (double& x : rounded) x = std::round(2 * x) / 2;
    rounded[4] += 1;  // one action that is drawn far too often
    q = softmax(rounded);
  }
  // d log p(action) / d theta.
  Vector score(size_t action) const {
    Vector g;
    for (size_t k = 0; k < kActions; ++k) g[k] = (k == action ? 1 : 0) - p[k];
    return g;
  }
  // The loss's gradient by one draw, from the objective that stages learn with.
  Vector gradient(size_t action, double cap) const {
    PolicyObjective::Options options;
    options.is_rounded = options.is_first_update = true;
    options.ratio_cap = cap;
    const std::vector<PolicyToken> tokens = {
        {0, 0, float(reward[action]), 1, float(std::log(q[action]))}};
    PolicyObjective objective(options, tokens);
    float slope = 0;
    objective.evaluate(0, float(std::log(p[action])), slope);
    Vector g = score(action);
    for (double& x : g) x *= double(slope);
    return g;
  }
  // -d E_p[reward] / d theta, by the sum over all actions.
  Vector exact() const {
    Vector g = {};
    for (size_t a = 0; a < kActions; ++a)
      for (size_t k = 0; k < kActions; ++k) g[k] -= p[a] * reward[a] * score(a)[k];
    return g;
  }
};

struct Sampled {
  Vector mean = {}, error = {};  // error: standard, of the mean
};
Sampled sample(const Bandit& bandit, double cap, int draws) {
  Sampled out;
  Vector squares = {};
  for (int i = 0; i < draws; ++i) {
    Random random(7, uint64_t(i));
    double left = double(random.uniform());
    size_t action = 0;
    while (action + 1 < kActions && (left -= bandit.q[action]) > 0) ++action;
    const Vector g = bandit.gradient(action, cap);
    for (size_t k = 0; k < kActions; ++k) out.mean[k] += g[k], squares[k] += g[k] * g[k];
  }
  for (size_t k = 0; k < kActions; ++k) {
    out.mean[k] /= draws;
    out.error[k] = std::sqrt((squares[k] / draws - out.mean[k] * out.mean[k]) / draws);
  }
  return out;
}

// The largest deviation from the exact gradient, in standard errors and itself.
struct Bias {
  double errors = 0, size = 0;
};
Bias bias_of(const Bandit& bandit, double cap) {
  const Sampled sampled = sample(bandit, cap, 100'000);
  const Vector exact = bandit.exact();
  Bias bias;
  for (size_t k = 0; k < kActions; ++k) {
    const double off = std::abs(sampled.mean[k] - exact[k]);
    bias.errors = std::max(bias.errors, off / sampled.error[k]);
    bias.size = std::max(bias.size, off);
  }
  return bias;
}

TEST(RolloutRatio, CorrectedGradientsAreThoseOfThePolicyThatLearns) {
  const Bandit bandit;
  const Bias corrected = bias_of(bandit, 1e6), uncorrected = bias_of(bandit, 0);
  EXPECT_LT(corrected.errors, 4);
  EXPECT_GT(uncorrected.errors, 20) << "without weights the gradient is another policy's";
  // Truncation trades some bias for bounded weights: less than no correction has.
  const double largest = bandit.p[3] / bandit.q[3];
  ASSERT_GT(largest, 1.05);
  const Bias truncated = bias_of(bandit, 1.05);
  EXPECT_GT(truncated.size, corrected.size);
  EXPECT_LT(truncated.size, uncorrected.size);
}

TEST(RolloutRatio, TheDivergenceIsEstimatedWithoutBias) {
  const Bandit bandit;
  RolloutRatio ratio;
  double expected = 0, absolute = 0;
  // Each action as often as it is drawn.
  for (size_t a = 0; a < kActions; ++a) {
    const double log = std::log(bandit.q[a] / bandit.p[a]);
    expected += bandit.q[a] * log;
    RolloutRatio one;
    one.add(std::log(bandit.p[a]), std::log(bandit.q[a]), 1.1);
    EXPECT_EQ(one.truncated, bandit.p[a] / bandit.q[a] > 1.1) << a;
    EXPECT_NEAR(one.largest, std::abs(log), 1e-12);
    ratio.kl += bandit.q[a] * one.kl;
    absolute = std::max(absolute, one.largest);
    ratio.largest = std::max(ratio.largest, one.largest);
  }
  EXPECT_GT(expected, 0.04);
  EXPECT_NEAR(ratio.kl, expected, 1e-12);
  EXPECT_EQ(ratio.largest, absolute);
}

TEST(RolloutRatio, WeightsAreTruncatedAndOneWithoutACap) {
  EXPECT_EQ(ratio_weight(-1, -1, 2), 1);
  EXPECT_NEAR(ratio_weight(-1, -0.5, 2), std::exp(-0.5), 1e-15);
  EXPECT_EQ(ratio_weight(-1, -4, 2), 2);
  EXPECT_EQ(ratio_weight(-1, -4, 0), 1);
}

TEST(RolloutRatio, IsDescribedByMeans) {
  RolloutRatio one, all;
  one.add(-1, -1.5, 1.2);
  all.add(-2, -1.75, 1.2);
  all.add(one);
  Json metrics = Json::object();
  all.describe(metrics);
  EXPECT_EQ(*metrics.double_at("rollout_difference"), 0.375);
  EXPECT_EQ(*metrics.double_at("ratio_truncated"), 0.5);
  EXPECT_NEAR(*metrics.double_at("rollout_kl"),
              (std::exp(0.5) - 0.5 - 1 + std::exp(-0.25) + 0.25 - 1) / 2, 1e-15);
}

}  // namespace
}  // namespace weir
