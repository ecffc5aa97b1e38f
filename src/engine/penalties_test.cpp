// Penalties against plain rewritings of their sources, and numbers that transformers computed.
#include "engine/penalties.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <map>
#include <set>

#include "base/random.h"

namespace weir {
namespace {

std::vector<float> adjusted(std::vector<float> logits, const SamplingOptions& options,
                            const std::vector<int>& tokens, size_t prompt = 0) {
  Penalties penalties;
  penalties.adjust_logits(logits, options, {tokens, prompt});
  return logits;
}

void expect_near(const std::vector<float>& got, const std::vector<double>& expected) {
  ASSERT_EQ(got.size(), expected.size());
  for (size_t i = 0; i < got.size(); ++i)
    EXPECT_NEAR(double(got[i]), expected[i], 1e-6 * std::max(1.0, std::abs(expected[i]))) << i;
}

const std::vector<float> kLogits = {2, -1, 0.5, 0, -3, 1.25};

// RepetitionPenaltyLogitsProcessor(1.3) of transformers 4, tokens 0 1 1 3 5.
TEST(Penalties, RepetitionIsThatOfTransformers) {
  SamplingOptions options{.repeat_penalty = 1.3, .repeat_last_n = -1};
  expect_near(adjusted(kLogits, options, {0, 1, 1, 3, 5}),
              {1.5384615384615383, -1.3, 0.5, 0, -3, 0.9615384615384615});
}

TEST(Penalties, RepetitionLooksAtTheWindowOfPromptAndReply) {
  SamplingOptions options{.repeat_penalty = 2, .repeat_last_n = 2};
  expect_near(adjusted(kLogits, options, {0, 1, 5, 5}, 2), {2, -1, 0.5, 0, -3, 0.625});
  expect_near(adjusted(kLogits, options, {0, 1, 4, 5}, 4), {2, -1, 0.5, 0, -6, 0.625});
  options.repeat_last_n = 0;
  EXPECT_FALSE(adjusts_logits(options));
  expect_near(adjusted(kLogits, options, {0, 1, 4, 5}, 4), {2, -1, 0.5, 0, -3, 1.25});
}

// mu[j] - c[j] * frequency - float(c[j] > 0) * presence: OpenAI's API reference, of what was drawn.
TEST(Penalties, PresenceAndFrequencyCountTheReplyAlone) {
  SamplingOptions options{.presence_penalty = 0.5, .frequency_penalty = 0.25};
  expect_near(adjusted(kLogits, options, {0, 0, 1, 5, 5, 5, 4}, 2),
              {2, -1.75, 0.5, 0, -3.75, 1.25 - 0.5 - 0.75});
  expect_near(adjusted(kLogits, options, {0, 0}, 2), {2, -1, 0.5, 0, -3, 1.25});
}

TEST(Penalties, AllOfThemInTheirOrder) {
  SamplingOptions options{.repeat_penalty = 2, .presence_penalty = 1};
  options.logit_bias = {{1, 3}, {4, -1}, {1, 0.5}};
  // -1 + 3.5 = 2.5 is positive, so it is halved; -3 - 1 = -4 is doubled.
  expect_near(adjusted(kLogits, options, {1, 4, 4}, 1), {2, 1.25, 0.5, 0, -9, 1.25});
}

// The loop of text-generation-webui's pull request 5677, rewritten: for every earlier occurrence of
// the last token, how far back the two agree, and what came next.
std::map<int, double> dry_penalties(const std::vector<int>& tokens, const SamplingOptions& o) {
  const std::set<int> breakers(o.dry_breakers.begin(), o.dry_breakers.end());
  std::map<int, int> lengths;
  const int n = int(tokens.size());
  if (n == 0 || breakers.count(tokens.back())) return {};
  for (int i = 0; i + 1 < n; ++i) {
    if (tokens[size_t(i)] != tokens.back() || breakers.count(tokens[size_t(i + 1)])) continue;
    int length = 1;
    while (i - length >= 0 && tokens[size_t(i - length)] == tokens[size_t(n - 1 - length)] &&
           !breakers.count(tokens[size_t(i - length)]))
      ++length;
    int& longest = lengths[tokens[size_t(i + 1)]];
    longest = std::max(longest, length);
  }
  std::map<int, double> penalties;
  for (auto [token, length] : lengths)
    if (length >= o.dry_allowed_length)
      penalties[token] = o.dry_multiplier * std::pow(o.dry_base, length - o.dry_allowed_length);
  return penalties;
}

TEST(Penalties, DryIsItsDefinition) {
  int penalized = 0;
  for (uint64_t seed = 0; seed < 300; ++seed) {
    Random random(seed, 3);
    const int symbols = 2 + int(random.below(4)), length = int(random.below(60));
    std::vector<int> tokens;
    for (int i = 0; i < length; ++i) tokens.push_back(int(random.below(uint64_t(symbols))));
    SamplingOptions options{.dry_multiplier = 0.8, .dry_base = 1.2};
    options.dry_allowed_length = 1 + int(random.below(4));
    if (random.below(2)) options.dry_breakers = {int(random.below(uint64_t(symbols)))};
    const size_t prompt = size_t(random.below(uint64_t(length + 1)));
    std::vector<double> expected(kLogits.begin(), kLogits.end());
    for (auto [token, penalty] : dry_penalties(tokens, options)) {
      expected[size_t(token)] -= penalty;
      ++penalized;
    }
    expect_near(adjusted(kLogits, options, tokens, prompt), expected);
    // The last tokens alone.
    options.dry_last_n = int(random.below(20));
    expected.assign(kLogits.begin(), kLogits.end());
    const std::vector<int> end(tokens.end() - std::min(options.dry_last_n, length), tokens.end());
    for (auto [token, penalty] : dry_penalties(end, options)) expected[size_t(token)] -= penalty;
    expect_near(adjusted(kLogits, options, tokens, prompt), expected);
  }
  EXPECT_GT(penalized, 200);
}

TEST(Penalties, WhatOverflowsStaysFinite) {
  const float most = std::numeric_limits<float>::max();
  SamplingOptions options{.repeat_penalty = 10, .dry_multiplier = 100, .dry_base = 10};
  const std::vector<int> tokens(2000, 1);
  const auto logits = adjusted({most, -most, 1}, options, tokens);
  EXPECT_EQ(logits, (std::vector<float>{most, -most, 1}));
  EXPECT_EQ(adjusted({0, 5, 0}, options, tokens)[1], -most);
}

// A draft model's or a tokenizer's ids may exceed the columns that can be drawn.
TEST(Penalties, TokensThatCanNotBeDrawnAreLeftOut) {
  SamplingOptions options{.repeat_penalty = 2, .presence_penalty = 1, .dry_multiplier = 1};
  options.logit_bias = {{7, 1}};
  expect_near(adjusted({4, 2}, options, {9, 7, 0, 9, 7}, 1), {4 / 2.0 - 1 - 1, 2});
}

}  // namespace
}  // namespace weir
