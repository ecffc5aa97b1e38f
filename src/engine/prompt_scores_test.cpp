// The engine's scores of prompts are the scorer's, bit for bit, whatever else runs.
#include <gtest/gtest.h>

#include "engine/scorer.h"
#include "testing/engine_fixture.h"

namespace weir {
namespace {

std::vector<float> scored_alone(const Model& model, const std::vector<int>& tokens) {
  ThreadPool pool(1);
  auto scorer = Scorer::create(model, pool, int(tokens.size()));
  return *(*scorer)->log_probabilities(tokens);
}

std::vector<float> numbers_of(const std::vector<TokenScore>& scores) {
  std::vector<float> numbers;
  for (const TokenScore& score : scores) numbers.push_back(score.log_probability);
  return numbers;
}

// Prompts begin alike and the cache has room for few, so that sequences share and are preempted.
TEST(PromptScores, AreThoseOfTheScorer) {
  constexpr int kFrom = 30;
  for (Kind kind : {Kind::latent, Kind::grouped}) {
    const Model& model = tiny_model(kind);
    ThreadPool pool(2);
    EngineOptions options{.sequences_max = 6, .prefill_rows = 7, .keeps_prefixes = true};
    options.cache_bytes_max = bytes_for(model, 192);
    auto engine = engine_of(model, pool, options);
    std::vector<TokenRequest> requests;
    std::map<SequenceId, std::vector<TokenScore>> scores;
    for (uint64_t i = 0; i < 6; ++i) {
      requests.push_back(request_of(i / 2, 40, 100));
      requests.back().sampling.top_log_probabilities = 3;
      requests.back().scores_prompt = i != 1;
      if (i == 5) requests.back().scored_from = kFrom;
      ASSERT_TRUE(engine->submit(requests.back()).has_value());
    }
    while (!engine->is_idle())
      for (Drawn& drawn : engine->step()) {
        ASSERT_EQ(drawn.error, "");
        if (!drawn.prompt_scores.empty()) {
          EXPECT_FALSE(scores.contains(drawn.sequence)) << "once, with the first token";
          scores[drawn.sequence] = std::move(drawn.prompt_scores);
        }
      }
    EXPECT_GT(engine->statistics().preemptions, 0);
    EXPECT_FALSE(scores.contains(1));
    for (uint64_t i : {0, 2, 3, 4, 5}) {
      const std::vector<TokenScore>& own = scores[SequenceId(i)];
      const size_t from = size_t(requests[i].scored_from);
      ASSERT_EQ(own.size(), requests[i].prompt.size());
      const auto is_scored = [](const TokenScore& score) { return score.is_scored; };
      EXPECT_TRUE(std::none_of(own.begin(), own.begin() + ptrdiff_t(from), is_scored));
      std::vector<float> expected = scored_alone(model, requests[i].prompt);
      std::fill(expected.begin(), expected.begin() + ptrdiff_t(from), 0.0f);
      EXPECT_EQ(numbers_of(own), expected);
      for (size_t t = from; t < own.size(); ++t) {
        EXPECT_EQ(own[t].token, requests[i].prompt[t]);
        ASSERT_EQ(own[t].top.size(), 3u);
        EXPECT_GE(own[t].top[0].log_probability, own[t].log_probability);
      }
    }
  }
}

}  // namespace
}  // namespace weir
