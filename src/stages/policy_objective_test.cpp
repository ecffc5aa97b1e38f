#include "stages/policy_objective.h"

#include <gtest/gtest.h>

#include <cmath>

namespace weir {
namespace {

struct Evaluated {
  double loss = 0;
  float slope = 0;
  PolicyObjective::Sums sums;
};
Evaluated evaluate(const PolicyObjective::Options& options, const PolicyToken& token,
                   float log_probability) {
  const std::vector<PolicyToken> tokens = {token};
  PolicyObjective objective(options, tokens);
  Evaluated out;
  out.loss = objective.evaluate(0, log_probability, out.slope);
  out.sums = objective.sums();
  return out;
}

// Rows that replies share: the tokens 0 and 2 of one reply, 1 and 3 of another, rows 0, 0, 1, 2.
TEST(PolicyObjective, ARowIsWorthWhatItsTokensAreTogether) {
  const PolicyObjective::Options options{0.2, 0.28, 0.04};
  const std::vector<PolicyToken> tokens = {{-1.f, -1.5f, 2.f, 0.25f},
                                           {-1.f, -1.5f, -0.5f, 0.25f},
                                           {-3.f, -2.f, 2.f, 0.25f},
                                           {-0.25f, -0.5f, -0.5f, 0.25f}};
  const std::vector<int> rows = {0, 0, 1, 2};
  const std::vector<float> logs = {-0.75f, -2.5f, -0.25f};
  PolicyObjective objective(options, tokens, {}, rows);
  const auto row = [&](int i) {
    Evaluated out;
    out.loss = objective.evaluate(i, logs[size_t(i)], out.slope);
    return out;
  };
  const Evaluated first = evaluate(options, tokens[0], logs[0]);
  const Evaluated second = evaluate(options, tokens[1], logs[0]);
  const Evaluated shared = row(0);
  EXPECT_NE(first.slope, 0);
  EXPECT_NE(second.slope, 0);
  EXPECT_FLOAT_EQ(shared.slope, first.slope + second.slope);
  EXPECT_DOUBLE_EQ(shared.loss, first.loss + second.loss);
  EXPECT_EQ(row(1).slope, evaluate(options, tokens[2], logs[1]).slope);
  EXPECT_EQ(row(2).slope, evaluate(options, tokens[3], logs[2]).slope);
  EXPECT_EQ(objective.sums().tokens, 4);
}

// Every combination that is away from the kinks of clip and minimum.
template <class Check>
int for_grid(const Check& check) {
  int cases = 0;
  for (float log_p : {-0.05f, -1.25f, -4.5f})
    for (float moved : {-0.75f, -0.3f, -0.125f, 0.f, 0.125f, 0.3f, 0.75f})
      for (float reference : {-0.1f, -1.f, -6.f})
        for (float advantage : {-1.5f, 0.5f, 2.f})
          for (double kl : {0.0, 0.04, 1.0})
            for (bool unbiased : {false, true})
              for (double high : {0.2, 10.0})
                for (float rounded : {0.f, -0.4f, 1.5f}) {
                  PolicyObjective::Options options{0.2, high, kl, unbiased};
                  options.is_rounded = rounded != 0, options.ratio_cap = 2;
                  const PolicyToken token{log_p - moved, reference, advantage, 0.25f,
                                          log_p - moved - rounded};
                  const double ratio = std::exp(double(moved));
                  if (std::abs(ratio - 0.8) < 0.02 || std::abs(ratio - 1 - high) < 0.02) continue;
                  check(options, token, log_p);
                  ++cases;
                }
  return cases;
}

TEST(PolicyObjective, SlopeIsTheDerivativeOfTheLoss) {
  const int cases = for_grid([](const auto& options, const PolicyToken& token, float log_p) {
    constexpr float h = 1.f / 256;  // exact in binary
    const double up = evaluate(options, token, log_p + h).loss;
    const double down = evaluate(options, token, log_p - h).loss;
    const float slope = evaluate(options, token, log_p).slope;
    // The second-order error of the difference is h^2 / 6 of the third derivative, which is about
    // the loss itself; q goes up to e^4.5.
    const double scale =
        1 + std::abs(double(slope)) +
        options.kl_weight * std::exp(double(token.reference_log_probability) - double(log_p));
    EXPECT_NEAR(slope, (up - down) / (2 * double(h)), 2e-5 * scale)
        << log_p << " " << token.old_log_probability << " " << token.reference_log_probability
        << " " << token.advantage << " " << options.kl_weight << options.kl_unbiased;
  });
  EXPECT_GT(cases, 1000);
}

TEST(PolicyObjective, LossIsTheFormulaOfThePapers) {
  for_grid([](const auto& options, const PolicyToken& token, float log_p) {
    const double r = std::exp(double(log_p) - double(token.old_log_probability));
    const double low = 1 - options.clip_low, high = 1 + options.clip_high;
    const double bounded = r < low ? low : r > high ? high : r;
    const double surrogate =
        std::min(r * double(token.advantage), bounded * double(token.advantage));
    const double q = std::exp(double(token.reference_log_probability) - double(log_p));
    const double k3 = (q - std::log(q) - 1) * (options.kl_unbiased ? r : 1);
    const double drawn = double(token.old_log_probability) - double(token.rollout_log_probability);
    const double w = !options.is_rounded ? 1 : drawn > std::log(2.0) ? 2 : std::exp(drawn);
    const double expected = 0.25 * w * (-surrogate + options.kl_weight * k3);
    EXPECT_NEAR(evaluate(options, token, log_p).loss, expected, 1e-9 * (1 + std::abs(expected)));
  });
}

TEST(PolicyObjective, BeyondTheClipThereIsNoGradient) {
  const PolicyObjective::Options options{0.2, 0.28, 0, false};
  struct Case {
    double ratio;
    float advantage;
    bool is_clipped;
  };
  for (const Case& c :
       {Case{1.5, 1, true}, Case{1.5, -1, false}, Case{0.5, -1, true}, Case{0.5, 1, false},
        Case{1.25, 1, false}, Case{0.85, -1, false}, Case{1.5, 0, false}}) {
    const PolicyToken token{-1, 0, c.advantage, 1};
    const Evaluated e = evaluate(options, token, -1 + float(std::log(c.ratio)));
    EXPECT_EQ(e.sums.clipped, c.is_clipped) << c.ratio << " " << c.advantage;
    EXPECT_EQ(e.slope == 0, c.is_clipped || c.advantage == 0) << c.ratio << " " << c.advantage;
  }
}

TEST(PolicyObjective, K3IsNeverNegativeAndZeroOnlyOnTheReference) {
  const PolicyObjective::Options options{0.2, 0.28, 1, false};
  for (int i = -400; i <= 400; ++i) {
    const float log_p = -5, reference = log_p + float(i) / 100;
    const Evaluated e = evaluate(options, {log_p, reference, 0, 1}, log_p);
    EXPECT_GE(e.loss, 0) << reference;
    EXPECT_EQ(e.loss == 0, i == 0) << reference;
    EXPECT_EQ(e.sums.kl, e.loss);
  }
}

TEST(PolicyObjective, OnPolicyTheRatioIsExactlyOne) {
  for (float log_p : {-0.1f, -2.7182817f, -11.3f}) {
    const Evaluated e = evaluate({0, 0, 0, false}, {log_p, 0, 3, 0.5f}, log_p);
    EXPECT_EQ(e.loss, -1.5);
    EXPECT_EQ(e.slope, -1.5f);
    EXPECT_EQ(e.sums.max_difference, 0);
    EXPECT_EQ(e.sums.clipped, 0);
  }
}

// Before the first update the policy is the old one, so nobody needs to compute it twice.
TEST(PolicyObjective, TheFirstUpdateOfRoundedRolloutsNeedsNoOldPolicy) {
  for (float advantage : {-1.5f, 2.f})
    for (float drawn : {-0.5f, -1.25f, -3.f}) {
      const float log_p = -1.25f;
      PolicyObjective::Options options{0.2, 0.28, 0.1, true, true, 2};
      const Evaluated given = evaluate(options, {log_p, -2, advantage, 0.5f, drawn}, log_p);
      options.is_first_update = true;
      const Evaluated first = evaluate(options, {9, -2, advantage, 0.5f, drawn}, log_p);
      EXPECT_EQ(first.loss, given.loss);
      EXPECT_EQ(first.slope, given.slope);
      EXPECT_EQ(first.sums.rollout.largest, std::abs(double(log_p) - double(drawn)));
      EXPECT_EQ(first.sums.rollout.truncated, drawn == -3.f);
    }
}

TEST(PolicyObjective, SumsCoverAllTokensInOrder) {
  const std::vector<PolicyToken> tokens = {{-1, -1, 1, 1}, {-2, -2, 1, 0}, {-1, -1, -1, 1}};
  PolicyObjective objective({0.2, 0.2, 0.5, false}, tokens);
  float slope = 0;
  objective.evaluate(3, -1, slope);
  EXPECT_EQ(slope, -1);
  objective.evaluate(4, -1.5f, slope);
  EXPECT_EQ(slope, 0) << "without a weight nothing is learned";
  objective.evaluate(9, -1.25f, slope);
  EXPECT_EQ(objective.sums().tokens, 3);
  EXPECT_EQ(objective.sums().clipped, 2);  // the second rose with a good, the third fell with a bad
  EXPECT_EQ(objective.sums().max_difference, 0.5);
}

}  // namespace
}  // namespace weir
