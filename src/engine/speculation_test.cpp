// With guesses the engine draws the same tokens, with the same bits of their probabilities, as
// without; only the number of passes differs.
#include "engine/speculation.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <limits>
#include <mutex>

#include "testing/engine_fixture.h"

namespace weir {
namespace {

// The tiny model with noise on its weights: a draft model that is right now and then.
std::unique_ptr<Model> blurred(Kind kind, float spread) {
  auto model = Model::create(tiny(kind), false);
  model->initialize(5);
  uint64_t stream = 0;
  for (const Matrix* weight : model->weights()) {
    Random random(77, ++stream);
    for (size_t i = 0; i < weight->count(); ++i)
      weight->parameter->data[i] *= 1 + spread * random.normal();
  }
  ThreadPool pool(1);
  model->weights_changed();
  model->pack(pool);
  return model;
}

Output alone_in(const Model& model, TokenRequest request, EngineOptions options) {
  options.speculation = {};
  ThreadPool pool(1);
  auto engine = engine_of(model, pool, options);
  Outputs outputs;
  EXPECT_TRUE(engine->submit(std::move(request)).has_value());
  finish(*engine, outputs);
  return outputs[0];
}

// Forbids a token by what came before, and notes the length of what it was shown.
struct OddFilter : TokenFilter {
  std::mutex mutex;  // sequences that share it are drawn at the same time
  std::vector<size_t> seen;
  void forbid(std::span<const int> tokens, std::span<const float>,
              std::span<uint8_t> is_forbidden) override {
    {
      std::lock_guard lock(mutex);
      seen.push_back(tokens.size());
    }
    for (size_t id = size_t(tokens.back()) % 3; id < is_forbidden.size(); id += 3)
      is_forbidden[id] = 1;
  }
};

// Requests of all kinds of sampling. Greedy ones of these models repeat themselves soon.
TokenRequest mixed_request(Random& random, OddFilter* filter) {
  auto below = [&](int n) { return int(random.below(uint64_t(n))); };
  TokenRequest request = request_of(uint64_t(below(3)), 1 + below(40), 1 + below(70));
  if (below(2)) {  // a prompt that repeats itself
    const std::vector<int> once = request.prompt;
    for (int i = below(2); i >= 0 && request.prompt.size() < 60; --i)
      request.prompt.insert(request.prompt.end(), once.begin(), once.end());
  }
  SamplingOptions& sampling = request.sampling;
  const double temperatures[] = {0, 0, 0.1, 0.4, 1};
  sampling.temperature = temperatures[below(5)];
  if (below(2))  // a few tokens only, so that what comes was there before
    for (int i = 0; i < 3; ++i) sampling.logit_bias.push_back({below(264), 12.0f});
  if (below(3) == 0) sampling.top_k = 1 + below(5);
  if (below(4) == 0) sampling.repeat_penalty = 1.1;
  if (below(4) == 0) sampling.frequency_penalty = 0.3;
  if (below(4) == 0) sampling.dry_multiplier = 0.5;
  if (below(4) == 0) sampling.xtc_probability = 0.3;
  if (below(3) == 0)
    for (int i = 0; i < 20; ++i) request.stop_ids.push_back(below(264));
  if (below(4) == 0) request.token_filter = filter;
  request.stream = uint64_t(below(3));
  request.records_experts = below(2);
  return request;
}

struct TrafficSums {
  int64_t preemptions = 0, drafted = 0, accepted = 0;
};

// Requests that come, run, are cancelled and preempted in a small cache.
void check_traffic(const Model& model, uint64_t seed, EngineOptions options, TrafficSums& sums) {
  Random random(seed, 78);
  auto below = [&](int n) { return int(random.below(uint64_t(n))); };
  ThreadPool pool(2);
  options.sequences_max = 1 + below(6);
  options.prefill_rows = 1 + below(40);
  options.cache_bytes_max = KvCache::create(model.config(), options.cache, size_t(1) << 30)
                                ->bytes_for(160 + 32 * below(2));
  if (options.speculation.draft) options.cache_bytes_max *= 2;
  options.keeps_prefixes = below(2);
  auto engine = engine_of(model, pool, options);
  OddFilter filter;
  Traffic traffic;
  run_traffic(
      *engine, random, 14, 20, [&] { return mixed_request(random, &filter); }, traffic);
  expect_outputs(traffic, seed, [&](const TokenRequest& request) {
    return alone_in(model, request, {.cache = options.cache});
  });
  const GenerateStatistics& statistics = engine->statistics();
  sums.preemptions += statistics.preemptions;
  sums.drafted += statistics.drafted_tokens;
  sums.accepted += statistics.accepted_tokens;
}

struct TrafficCase {
  const char* name;
  SpeculationOptions options;
  bool has_draft;
};

class SpeculationTraffic : public testing::TestWithParam<std::tuple<Kind, bool>> {};

TEST_P(SpeculationTraffic, ChangesNoToken) {
  const auto [kind, is_latent] = GetParam();
  const auto draft = blurred(kind, 0.05f);
  const TrafficCase cases[] = {
      {"n-grams", {.ngrams = true, .adapts = false}, false},
      {"n-grams by measure", {.ngrams = true}, false},
      {"draft", {.tokens_max = 4, .adapts = false}, true},
      {"both by measure", {.ngrams = true, .tokens_max = 5}, true},
  };
  int64_t preemptions = 0;
  for (const TrafficCase& c : cases) {
    TrafficSums sums;
    for (uint64_t seed = 0; seed < 4; ++seed) {
      EngineOptions options;
      options.cache = is_latent ? CacheForm::latent : CacheForm::expanded;
      options.speculation = c.options;
      if (c.has_draft) options.speculation.draft = draft.get();
      check_traffic(tiny_model(kind), seed, options, sums);
    }
    preemptions += sums.preemptions;
    if (c.options.adapts) continue;  // as the machine pleases
    EXPECT_GT(sums.accepted, 50) << c.name;
    EXPECT_GT(sums.drafted, sums.accepted + 50) << c.name;
  }
  EXPECT_GT(preemptions, 0);
}

INSTANTIATE_TEST_SUITE_P(Kinds, SpeculationTraffic,
                         testing::Values(std::tuple(Kind::latent, false),
                                         std::tuple(Kind::latent, true),
                                         std::tuple(Kind::sparse, false),
                                         std::tuple(Kind::grouped, false)));

// At any temperature: both draw with the same random numbers.
TEST(Speculation, AModelIsItsOwnPerfectDraft) {
  for (Kind kind : {Kind::latent, Kind::grouped}) {
    const Model& model = tiny_model(kind);
    for (double temperature : {0.0, 1.0}) {
      TokenRequest request = request_of(1, 20, 31);
      request.sampling.temperature = temperature;
      ThreadPool pool(1);
      auto engine = engine_of(model, pool,
                              {.speculation = {.draft = &model, .tokens_max = 5, .adapts = false}});
      Outputs outputs;
      ASSERT_TRUE(engine->submit(request).has_value());
      finish(*engine, outputs);
      EXPECT_EQ(outputs[0], alone(model, request));
      // The prompt gives the first, then five passes of six.
      EXPECT_EQ(engine->statistics().passes, 6);
      EXPECT_EQ(engine->statistics().drafted_tokens, 25);
      EXPECT_EQ(engine->statistics().accepted_tokens, 25);
      EXPECT_EQ(engine->statistics().decoded_tokens, 30);
    }
  }
}

// No guess goes beyond the tokens asked for, the context, or the cache.
TEST(Speculation, EndsWhereItWouldEnd) {
  const Model& model = tiny_model(Kind::grouped);
  for (int positions : {64, 128}) {
    for (int tokens_max : {1, 2, 3, 1000}) {
      EngineOptions options;
      options.cache_bytes_max = bytes_for(model, positions);
      TokenRequest request = request_of(2, 30, tokens_max);
      request.sampling.temperature = 0;
      const Output expected = alone_in(model, request, options);
      options.speculation = {.ngrams = true, .tokens_max = 32, .adapts = false};
      ThreadPool pool(1);
      auto engine = engine_of(model, pool, options);
      Outputs outputs;
      ASSERT_TRUE(engine->submit(request).has_value());
      finish(*engine, outputs);
      EXPECT_EQ(outputs[0], expected) << positions << " " << tokens_max;
    }
  }
}

// A filter sees every token that is drawn, once, in order, whatever was guessed.
TEST(Speculation, FiltersAreAskedForDrawnTokensOnly) {
  const Model& model = tiny_model(Kind::latent);
  OddFilter filter;
  TokenRequest request = request_of(1, 20, 40);
  request.token_filter = &filter;
  const Output expected = alone(model, request);
  const std::vector<size_t> seen = std::exchange(filter.seen, {});
  ThreadPool pool(2);
  auto engine =
      engine_of(model, pool, {.speculation = {.draft = &model, .tokens_max = 5, .adapts = false}});
  Outputs outputs;
  ASSERT_TRUE(engine->submit(request).has_value());
  finish(*engine, outputs);
  EXPECT_EQ(outputs[0], expected);
  EXPECT_EQ(filter.seen, seen);
  EXPECT_GT(engine->statistics().accepted_tokens, 0);
  EXPECT_LT(engine->statistics().accepted_tokens, engine->statistics().drafted_tokens);
}

TEST(Speculation, AFailureComesAtItsToken) {
  auto damage = [](Model& model) {
    Matrix* embedding = model.find("model.embed_tokens.weight");
    return embedding->parameter->f32();
  };
  auto model = Model::create(tiny(Kind::grouped), false);
  model->initialize(5);
  ThreadPool pool(1);
  model->pack(pool);
  TokenRequest request = request_of(1, 20, 31);
  const Output whole = alone(*model, request);
  // The token drawn fifth poisons what comes after it.
  damage(*model)[size_t(whole.tokens[4]) * 48] = std::numeric_limits<float>::quiet_NaN();
  model->weights_changed();
  model->pack(pool);
  const Output expected = alone(*model, request);
  ASSERT_EQ(expected.reason, FinishReason::failed);
  auto engine = engine_of(*model, pool,
                          {.speculation = {.draft = &tiny_model(Kind::grouped), .adapts = false}});
  Outputs outputs;
  ASSERT_TRUE(engine->submit(request).has_value());
  finish(*engine, outputs);
  EXPECT_EQ(outputs[0], expected);
}

TEST(Speculation, OptionsThatCanNotWorkAreErrors) {
  const Model& model = tiny_model(Kind::grouped);
  ThreadPool pool(1);
  ModelConfig config = tiny(Kind::grouped);
  config.vocab_size = 100;
  const auto other = Model::create(config, false);
  auto engine = Engine::create(model, pool, {.speculation = {.draft = other.get()}});
  ASSERT_FALSE(engine.has_value());
  EXPECT_NE(engine.error().message.find("same vocabulary"), std::string::npos);
  engine = Engine::create(model, pool, {.speculation = {.ngrams = true, .tokens_max = 33}});
  ASSERT_FALSE(engine.has_value());
  EXPECT_NE(engine.error().message.find("draft-max must be in [1, 32]"), std::string::npos);
  engine = Engine::create(
      model, pool, {.cache_bytes_max = bytes_for(model, 32), .speculation = {.draft = &model}});
  ASSERT_FALSE(engine.has_value());
}

}  // namespace
}  // namespace weir
