// The sampler against the definitions: distributions by chi-square, filters on known probabilities.
#include "engine/sampler.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <map>

#include "base/random.h"
#include "ops/ops.h"

namespace weir {
namespace {

// Logits whose softmax at temperature 1 is `p`.
std::vector<float> logits_of(const std::vector<double>& p) {
  std::vector<float> logits;
  for (double x : p) logits.push_back(float(std::log(x)));
  return logits;
}

std::map<int, int> draw_many(const std::vector<float>& logits, const SamplingOptions& options,
                             int draws) {
  Sampler sampler(int(logits.size()));
  std::map<int, int> counts;
  for (int i = 0; i < draws; ++i) {
    auto token = sampler.sample(logits, options, 7, uint64_t(i));
    EXPECT_TRUE(token.has_value());
    ++counts[token->token];
  }
  return counts;
}

// Sum of (observed - expected)^2 / expected.
double chi_square(const std::map<int, int>& counts, const std::vector<double>& p, int draws) {
  double sum = 0;
  for (size_t i = 0; i < p.size(); ++i) {
    auto found = counts.find(int(i));
    double observed = found == counts.end() ? 0 : found->second, expected = p[i] * draws;
    if (p[i] == 0)
      EXPECT_EQ(observed, 0) << "token " << i;
    else
      sum += (observed - expected) * (observed - expected) / expected;
  }
  return sum;
}

std::vector<double> tempered(std::vector<double> p, double temperature) {
  double sum = 0;
  for (double& x : p) sum += x = std::pow(x, 1 / temperature);
  for (double& x : p) x /= sum;
  return p;
}

const std::vector<double> kP = {0.05, 0.3, 0.02, 0.2, 0.13, 0.1, 0.15, 0.05};
// Quantile 0.999 of chi-square with 7 degrees of freedom; the seed is fixed, so this passes or
// fails for good.
constexpr double kChiSquare7 = 24.32;

TEST(Sampler, DrawsFollowTheSoftmax) {
  constexpr int kDraws = 200000;
  EXPECT_LT(chi_square(draw_many(logits_of(kP), {.seed = 1}, kDraws), kP, kDraws), kChiSquare7);
}

TEST(Sampler, DrawsFollowTheTemperedSoftmax) {
  constexpr int kDraws = 200000;
  for (double temperature : {0.5, 2.0}) {
    auto counts = draw_many(logits_of(kP), {.temperature = temperature, .seed = 2}, kDraws);
    EXPECT_LT(chi_square(counts, tempered(kP, temperature), kDraws), kChiSquare7) << temperature;
  }
}

// The set of tokens that a filter leaves, and their probabilities.
std::vector<double> kept(std::vector<double> p, const std::vector<int>& tokens) {
  double sum = 0;
  std::vector<double> result(p.size(), 0);
  for (int t : tokens) sum += p[size_t(t)];
  for (int t : tokens) result[size_t(t)] = p[size_t(t)] / sum;
  return result;
}

TEST(Sampler, FiltersKeepWhatTheirDefinitionsSay) {
  constexpr int kDraws = 100000;
  struct Case {
    SamplingOptions options;
    std::vector<int> tokens;
  };
  const Case cases[] = {
      {{.top_k = 1}, {1}},
      {{.top_k = 3}, {1, 3, 6}},
      {{.top_k = 7}, {1, 3, 6, 4, 5, 0, 7}},
      {{.top_k = 100}, {0, 1, 2, 3, 4, 5, 6, 7}},
      {{.top_p = 0.001}, {1}},
      {{.top_p = 0.29}, {1}},
      {{.top_p = 0.31}, {1, 3}},
      {{.top_p = 0.79}, {1, 3, 6, 4, 5}},  // 0.3 + 0.2 + 0.15 + 0.13 = 0.78
      {{.min_p = 0.5}, {1, 3}},            // at least 0.15, which rounds to less
      {{.min_p = 0.49}, {1, 3, 6}},
      {{.min_p = 1}, {1}},
      {{.top_k = 3, .top_p = 0.7}, {1, 3}},               // of the three: 0.46, 0.31, 0.23
      {{.top_k = 5, .top_p = 0.9, .min_p = 0.6}, {1, 3}}  // all three, in this order
  };
  for (const Case& c : cases) {
    SamplingOptions options = c.options;
    options.seed = 4;
    auto p = logits_of(kP);
    p[6] = std::nextafter(p[6], -10.f);  // a little below half of the top
    auto counts = draw_many(p, options, kDraws);
    EXPECT_EQ(counts.size(), c.tokens.size())
        << "k " << options.top_k << " p " << options.top_p << " min " << options.min_p;
    EXPECT_LT(chi_square(counts, kept(kP, c.tokens), kDraws), kChiSquare7 + 5);
  }
}

TEST(Sampler, TopKTiesGoToTheLowestIds) {
  std::vector<float> logits = {1, 2, 1, 2, 1, 1};
  auto counts = draw_many(logits, {.top_k = 3, .seed = 5}, 1000);
  EXPECT_EQ(counts.size(), 3u);
  EXPECT_TRUE(counts.count(0) && counts.count(1) && counts.count(3));
}

TEST(Sampler, LargeNucleusEqualsTheSortedDefinition) {
  // 5000 random logits; the set is compared through the probability of the sampled distribution.
  Random random(11, 0);
  std::vector<float> logits(5000);
  for (float& x : logits) x = 3 * random.normal();
  Sampler sampler(int(logits.size()));
  for (double top_p : {0.1, 0.5, 0.9, 0.99, 0.9999}) {
    std::vector<double> weights;
    double total = 0;
    for (float x : logits) total += weights.emplace_back(std::exp(double(x)));
    std::sort(weights.rbegin(), weights.rend());
    double mass = 0;
    for (size_t i = 0; mass < top_p * total; ++i) mass += weights[i];
    for (uint64_t step = 0; step < 20; ++step) {
      auto token = sampler.sample(logits, {.top_p = top_p, .seed = 6}, 0, step);
      ASSERT_TRUE(token.has_value());
      double expected = double(logits[size_t(token->token)]) - std::log(mass);
      // exp in f32 is good to 2 ulp.
      EXPECT_NEAR(double(token->log_probability), expected, 2e-6) << top_p;
    }
  }
}

TEST(Sampler, GreedyTakesTheHighestAndTiesGoToTheLowestId) {
  Sampler sampler(5);
  auto token = sampler.sample(std::vector<float>{0, 3, 1, 3, 3}, {.temperature = 0}, 0, 0);
  ASSERT_TRUE(token.has_value());
  EXPECT_EQ(token->token, 1);
  EXPECT_EQ(token->log_probability, 0);
}

TEST(Sampler, IdsBeyondTheTokenizerAreNeverChosen) {
  std::vector<float> logits = {0, 1, 2, 50, 60};
  for (double temperature : {0.0, 1.0}) {
    Sampler sampler(3);
    for (uint64_t step = 0; step < 100; ++step) {
      auto token = sampler.sample(logits, {.temperature = temperature}, 0, step);
      ASSERT_TRUE(token.has_value());
      EXPECT_LT(token->token, 3);
      // The model's own softmax counts all columns.
      EXPECT_LT(token->model_log_probability, -57);
    }
  }
}

TEST(Sampler, LogProbabilitiesAreThoseOfTheTwoDistributions) {
  auto logits = logits_of(kP);
  Sampler sampler(int(logits.size()));
  std::vector<float> scratch(logits.size());
  float all = log_sum_exp(logits.data(), int(logits.size()), scratch.data());
  for (uint64_t step = 0; step < 50; ++step) {
    auto token = sampler.sample(logits, {.temperature = 0.7, .top_k = 4}, 1, step);
    ASSERT_TRUE(token.has_value());
    auto p = kept(tempered(kP, 0.7), {1, 3, 6, 4});
    EXPECT_NEAR(double(token->log_probability), std::log(p[size_t(token->token)]), 1e-6);
    EXPECT_EQ(token->model_log_probability, logits[size_t(token->token)] - all);
  }
}

TEST(Sampler, DrawsDependOnSeedStreamAndStepOnly) {
  auto logits = logits_of(kP);
  Sampler first(8), second(8);
  int different = 0;
  for (uint64_t step = 0; step < 64; ++step) {
    auto a = first.sample(logits, {.seed = 1}, 2, step);
    (void)second.sample(std::vector<float>(8, 0.f), {.seed = 9}, 5, step);
    auto b = second.sample(logits, {.seed = 1}, 2, step);
    EXPECT_EQ(a->token, b->token);
    different += first.sample(logits, {.seed = 1}, 3, step)->token != a->token;
  }
  EXPECT_GT(different, 20);
}

TEST(Sampler, LogitsThatAreNotFiniteAreAnError) {
  for (float bad : {std::numeric_limits<float>::quiet_NaN(), std::numeric_limits<float>::infinity(),
                    -std::numeric_limits<float>::infinity()}) {
    Sampler sampler(2);
    auto token = sampler.sample(std::vector<float>{0, 0, bad}, {}, 0, 0);
    ASSERT_FALSE(token.has_value());
    EXPECT_NE(token.error().message.find("token 2"), std::string::npos);
  }
}

TEST(Sampler, ExtremeLogitsAndTemperaturesGiveNumbers) {
  std::vector<float> logits = {-3e38f, 3e38f, 3e38f};
  Sampler sampler(3);
  for (double temperature : {0.001, 1.0, 1000.0}) {
    auto token = sampler.sample(logits, {.temperature = temperature, .top_p = 0.9}, 0, 0);
    ASSERT_TRUE(token.has_value());
    EXPECT_GT(token->token, 0);
    EXPECT_NEAR(double(token->log_probability), -std::log(2.0), 1e-6);
  }
}

TEST(Sampler, OptionsOutOfRangeAreNamed) {
  const double nan = std::nan("");
  EXPECT_FALSE(validate({.temperature = -1}).has_value());
  EXPECT_FALSE(validate({.temperature = nan}).has_value());
  EXPECT_FALSE(validate({.temperature = 1e-9}).has_value());
  EXPECT_FALSE(validate({.top_k = -1}).has_value());
  EXPECT_FALSE(validate({.top_p = 0}).has_value());
  EXPECT_FALSE(validate({.top_p = nan}).has_value());
  auto error = validate({.min_p = 1.5});
  ASSERT_FALSE(error.has_value());
  EXPECT_NE(error.error().message.find("min-p"), std::string::npos);
  EXPECT_TRUE(validate({.temperature = 0, .top_k = 5, .top_p = 1, .min_p = 1}).has_value());
}

TEST(Sampler, ForbiddenTokensAreNotDrawnAndTheOthersShareTheirProbability) {
  const std::vector<float> logits = logits_of(kP);
  const std::vector<uint8_t> forbidden = {0, 1, 0, 1, 0, 0, 0, 0};
  std::vector<double> left = kP;
  left[1] = left[3] = 0;
  left = tempered(left, 1);  // sums to 1
  Sampler sampler(8);
  std::map<int, int> counts;
  constexpr int kDraws = 20000;
  for (int i = 0; i < kDraws; ++i) {
    auto drawn = sampler.sample(logits, {}, 7, uint64_t(i), forbidden);
    ASSERT_TRUE(drawn.has_value());
    ++counts[drawn->token];
    ASSERT_NEAR(drawn->log_probability, std::log(left[size_t(drawn->token)]), 1e-5);
    ASSERT_NEAR(drawn->model_log_probability, std::log(kP[size_t(drawn->token)]), 1e-5);
  }
  EXPECT_LT(chi_square(counts, left, kDraws), kChiSquare7);
  EXPECT_EQ(sampler.sample(logits, {.temperature = 0}, 0, 0, forbidden)->token, 6);
  EXPECT_EQ(sampler.sample(logits, {.top_k = 1}, 0, 0, forbidden)->token, 6);
}

TEST(Sampler, TheMostImprobableTokenIsDrawnWhereAllOthersAreForbidden) {
  Sampler sampler(3);
  const std::vector<float> logits = {1000, 0, -1000};
  const std::vector<uint8_t> forbidden = {1, 1, 0}, all = {1, 1, 1};
  for (double temperature : {0.0, 0.01, 1.0}) {
    auto drawn = sampler.sample(logits, {.temperature = temperature}, 1, 2, forbidden);
    ASSERT_TRUE(drawn.has_value());
    EXPECT_EQ(drawn->token, 2);
    EXPECT_EQ(drawn->log_probability, 0);
    EXPECT_FALSE(sampler.sample(logits, {.temperature = temperature}, 1, 2, all).has_value());
  }
}

// Without ties, so that every set is of one kind of tokens only.
const std::vector<double> kQ = {0.06, 0.3, 0.02, 0.2, 0.13, 0.1, 0.15, 0.04};

// The sets by hand: entropy 1.82 nats, so that a token of probability 0.16 is the most typical.
TEST(Sampler, TypicalKeepsTheTokensNearestToTheEntropy) {
  constexpr int kDraws = 100000;
  double entropy = 0;
  for (double p : kQ) entropy -= p * std::log(p);
  std::vector<int> order = {0, 1, 2, 3, 4, 5, 6, 7};
  auto distance = [&](int t) { return std::abs(-std::log(kQ[size_t(t)]) - entropy); };
  std::sort(order.begin(), order.end(), [&](int a, int b) { return distance(a) < distance(b); });
  EXPECT_EQ(order.front(), 6);
  EXPECT_GT(std::find(order.begin(), order.end(), 1) - order.begin(), 2);  // not the most probable
  for (double typical : {0.1, 0.2, 0.3, 0.5, 0.6, 0.75, 0.9, 0.97}) {
    std::vector<int> tokens;
    double sum = 0;
    for (size_t i = 0; sum < typical; ++i) sum += kQ[size_t(tokens.emplace_back(order[i]))];
    auto counts = draw_many(logits_of(kQ), {.typical_p = typical, .seed = 8}, kDraws);
    EXPECT_EQ(counts.size(), tokens.size()) << typical;
    EXPECT_LT(chi_square(counts, kept(kQ, tokens), kDraws), kChiSquare7) << typical;
  }
}

// Temperature, TopK, Typical, TopP and MinP warpers of transformers, one after the other.
TEST(Sampler, FiltersTogetherAreThoseOfTransformersInOurOrder) {
  constexpr int kDraws = 200000;
  struct Case {
    SamplingOptions options;
    std::vector<double> p;
  };
  const Case cases[] = {
      {{.temperature = 0.7, .top_k = 6, .top_p = 0.9, .min_p = 0.2, .typical_p = 0.8},
       {0, 0.4474997990528084, 0, 0.2507459361534614, 0.13550872834812888, 0, 0.16624553644560133,
        0}},
      {{.temperature = 1.5, .top_k = 7, .top_p = 0.95, .min_p = 0.1, .typical_p = 0.6},
       {0, 0, 0, 0.31193339980621637, 0.2340655237380989, 0.19650572829056268, 0.2574953481651219,
        0}},
      {{.temperature = 1, .top_k = 5, .typical_p = 0.5},
       {0, 0, 0, 0.4166666666666667, 0.2708333333333333, 0, 0.31249999999999994, 0}},
      {{.temperature = 2, .top_k = 8, .top_p = 0.6, .min_p = 0.3, .typical_p = 0.9},
       {0, 0.3142792180632927, 0, 0.2566079070053177, 0.20688390865282963, 0, 0.22222896627855995,
        0}}};
  for (const Case& c : cases) {
    SamplingOptions options = c.options;
    options.seed = 9;
    EXPECT_LT(chi_square(draw_many(logits_of(kP), options, kDraws), c.p, kDraws), kChiSquare7)
        << options.temperature;
  }
}

TEST(Sampler, XtcTakesTheTopChoicesOutInItsShareOfTheDraws) {
  constexpr int kDraws = 200000;
  // At least 0.12: tokens 1 3 6 4, the last of which stays.
  std::vector<double> without = kept(kQ, {0, 2, 4, 5, 7});
  for (double share : {0.0, 0.3, 1.0}) {
    std::vector<double> p(8);
    for (size_t t = 0; t < 8; ++t) p[t] = (1 - share) * kQ[t] + share * without[t];
    auto counts = draw_many(logits_of(kQ),
                            {.xtc_probability = share, .xtc_threshold = 0.12, .seed = 10}, kDraws);
    EXPECT_LT(chi_square(counts, p, kDraws), kChiSquare7) << share;
  }
  // A single token reaches 0.25, and none reaches 0.6: all stay.
  for (double threshold : {0.25, 0.6}) {
    auto counts = draw_many(logits_of(kQ),
                            {.xtc_probability = 1, .xtc_threshold = threshold, .seed = 10}, kDraws);
    EXPECT_LT(chi_square(counts, kQ, kDraws), kChiSquare7) << threshold;
  }
}

// The number that decides on XTC must tell nothing about the one that draws.
TEST(Sampler, XtcDecidesIndependentlyOfTheDraw) {
  constexpr int kDraws = 100000;
  const std::vector<float> logits = logits_of(kQ);
  Sampler sampler(8);
  std::vector<double> without = kept(kQ, {0, 2, 4, 5, 7});
  std::map<int, int> narrowed;
  int count = 0;
  for (uint64_t step = 0; step < kDraws; ++step) {
    SamplingOptions options{.xtc_probability = 0.5, .xtc_threshold = 0.12, .seed = 11};
    auto token = sampler.sample(logits, options, 0, step);
    // Where it struck, the probability of the drawn token is that of the smaller set.
    const double all = std::log(kQ[size_t(token->token)]);
    if (double(token->log_probability) < all + 0.1) continue;
    ++narrowed[token->token];
    ++count;
  }
  EXPECT_NEAR(count, kDraws / 2, 700);
  EXPECT_LT(chi_square(narrowed, without, count), kChiSquare7);
}

TEST(Sampler, PenaltiesChangeTheDrawAndNotTheModelsProbabilities) {
  const std::vector<float> logits = logits_of(kP);
  Sampler sampler(8);
  const std::vector<int> tokens = {3, 1, 1};
  SamplingOptions options{.temperature = 0, .frequency_penalty = 0.5};
  auto plain = sampler.sample(logits, {.temperature = 0}, 0, 0, {}, {tokens, 1});
  auto penalized = sampler.sample(logits, options, 0, 0, {}, {tokens, 1});
  EXPECT_EQ(plain->token, 1);
  EXPECT_EQ(penalized->token, 3);  // of the prompt, which frequency does not count
  options = {.temperature = 0.7, .repeat_penalty = 1.5};
  for (uint64_t step = 0; step < 100; ++step) {
    auto token = sampler.sample(logits, options, 0, step, {}, {tokens, 1});
    // A forbidden rest leaves this token alone, so that both draws are of the same one.
    std::vector<uint8_t> others(8, 1);
    others[size_t(token->token)] = 0;
    auto same = sampler.sample(logits, {.temperature = 0.7}, 0, step, others);
    EXPECT_EQ(token->model_log_probability, same->model_log_probability);
    EXPECT_EQ(token->policy_log_probability, same->policy_log_probability);
  }
}

TEST(Sampler, TopLogProbabilitiesAreTheModels) {
  std::vector<float> logits = {1, 3, 2, 3, -1, 9};
  SamplingOptions options{.temperature = 0.5, .top_k = 1, .top_log_probabilities = 4};
  options.logit_bias = {{0, 50}};
  Sampler sampler(5);  // the last column is not to be drawn
  auto token = sampler.sample(logits, options, 0, 0);
  EXPECT_EQ(token->token, 0);
  ASSERT_EQ(token->top.size(), 4u);
  double sum = 0;
  for (float logit : logits) sum += std::exp(double(logit));
  const std::vector<int> ids = {1, 3, 2, 0};
  for (size_t i = 0; i < 4; ++i) {
    EXPECT_EQ(token->top[i].token, ids[i]);
    EXPECT_NEAR(token->top[i].log_probability, double(logits[size_t(ids[i])]) - std::log(sum),
                1e-6);
  }
  EXPECT_EQ(token->top[3].log_probability, token->model_log_probability);
  options.top_log_probabilities = 20;
  EXPECT_EQ(sampler.sample(logits, options, 0, 0)->top.size(), 5u);
  options.top_log_probabilities = 0;
  EXPECT_TRUE(sampler.sample(logits, options, 0, 0)->top.empty());
}

TEST(Sampler, EveryOptionsRangeIsNamed) {
  const double nan = std::nan("");
  auto expect_named = [](SamplingOptions options, const char* name, const char* range) {
    auto done = validate(options, 100);
    ASSERT_FALSE(done.has_value()) << name;
    EXPECT_NE(done.error().message.find(name), std::string::npos) << done.error().message;
    EXPECT_NE(done.error().message.find(range), std::string::npos) << done.error().message;
  };
  for (double bad : {0.0, 1.5, nan}) expect_named({.typical_p = bad}, "typical-p", "(0, 1]");
  for (double bad : {-0.1, 1.5, nan}) {
    expect_named({.xtc_probability = bad}, "xtc-probability", "[0, 1]");
    expect_named({.xtc_threshold = bad}, "xtc-threshold", "[0, 1]");
  }
  for (double bad : {0.0, -1.0, 11.0, nan})
    expect_named({.repeat_penalty = bad}, "repeat-penalty", "(0, 10]");
  expect_named({.repeat_last_n = -2}, "repeat-last-n", "-1 (all)");
  for (double bad : {-2.5, 2.5, nan}) {
    expect_named({.presence_penalty = bad}, "presence-penalty", "[-2, 2]");
    expect_named({.frequency_penalty = bad}, "frequency-penalty", "[-2, 2]");
  }
  for (double bad : {-1.0, 101.0, nan})
    expect_named({.dry_multiplier = bad}, "dry-multiplier", "[0, 100]");
  for (double bad : {0.5, 11.0, nan}) expect_named({.dry_base = bad}, "dry-base", "[1, 10]");
  expect_named({.dry_allowed_length = 0}, "dry-allowed-length", "at least 1");
  expect_named({.dry_last_n = -2}, "dry-penalty-last-n", "-1 (all)");
  expect_named({.dry_breakers = {100}}, "dry-sequence-breaker", "100 tokens");
  expect_named({.logit_bias = {{-1, 0}}}, "logit-bias", "100 tokens");
  expect_named({.logit_bias = {{0, float(nan)}}}, "logit-bias", "[-100, 100]");
  for (int bad : {-1, 21}) expect_named({.top_log_probabilities = bad}, "top-logprobs", "[0, 20]");
}

}  // namespace
}  // namespace weir
