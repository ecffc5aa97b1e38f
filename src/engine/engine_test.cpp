// The engine in tokens: sequences come and go between steps, share a small cache, and draw what
// they would draw alone. More of its bits: chat/generator_test.cpp.
#include "engine/engine.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <limits>

#include "testing/engine_fixture.h"

namespace weir {
namespace {

TEST(Engine, SequencesJoinWhileOthersRun) {
  const Model& model = tiny_model(Kind::latent);
  ThreadPool pool(2);
  auto engine = engine_of(model, pool, {.sequences_max = 2, .prefill_rows = 16});
  Outputs outputs;
  const TokenRequest requests[] = {request_of(0, 30, 20), request_of(1, 50, 9), request_of(2, 7, 5),
                                   request_of(0, 30, 4)};
  for (const TokenRequest& request : requests) {
    ASSERT_TRUE(engine->submit(request).has_value());
    for (int i = 0; i < 3; ++i) step(*engine, outputs);
  }
  EXPECT_FALSE(engine->is_idle());
  finish(*engine, outputs);
  EXPECT_TRUE(engine->step().empty());
  for (int i = 0; i < 4; ++i) EXPECT_EQ(outputs[i], alone(model, requests[i])) << i;
}

TEST(Engine, ACancelledSequenceLeavesTheOthersAlone) {
  const Model& model = tiny_model(Kind::latent);
  ThreadPool pool(1);
  auto engine = engine_of(model, pool, {.sequences_max = 2});
  Outputs outputs;
  for (uint64_t i = 0; i < 4; ++i) ASSERT_TRUE(engine->submit(request_of(i, 40, 12)).has_value());
  for (int i = 0; i < 4; ++i) step(*engine, outputs);
  // Of 40 prompt tokens and three that were drawn and computed.
  EXPECT_EQ(engine->cancel(0).size(), 43 * model.routing_trace().row_size());
  EXPECT_TRUE(engine->cancel(2).empty());  // was waiting
  EXPECT_TRUE(engine->cancel(2).empty());  // is no more
  EXPECT_TRUE(engine->cancel(99).empty());
  finish(*engine, outputs);
  EXPECT_EQ(outputs[0].tokens.size(), 4u);
  EXPECT_EQ(outputs.count(2), 0u);
  for (uint64_t i : {1, 3}) EXPECT_EQ(outputs[SequenceId(i)], alone(model, request_of(i, 40, 12)));
}

TEST(Engine, RunningSequencesGoOnWhileALongPromptIsRead) {
  const Model& model = tiny_model(Kind::latent);
  ThreadPool pool(1);
  auto engine = engine_of(model, pool, {.prefill_rows = 8});
  Outputs outputs;
  ASSERT_TRUE(engine->submit(request_of(1, 5, 40)).has_value());
  step(*engine, outputs);
  ASSERT_TRUE(engine->submit(request_of(2, 100, 3)).has_value());
  for (size_t i = 1; i <= 13; ++i) {  // 100 tokens, 8 of them in each pass
    EXPECT_TRUE(outputs[1].tokens.empty());
    step(*engine, outputs);
    EXPECT_EQ(outputs[0].tokens.size(), 1 + i);
  }
  EXPECT_EQ(outputs[1].tokens.size(), 1u);
  EXPECT_EQ(engine->statistics().passes, 14);
  EXPECT_EQ(engine->statistics().prompt_tokens, 105);
  EXPECT_EQ(engine->statistics().mixed_tokens, 13);
  EXPECT_EQ(engine->statistics().decoded_tokens, 0);
  finish(*engine, outputs);
  EXPECT_EQ(outputs[0], alone(model, request_of(1, 5, 40)));
  EXPECT_EQ(outputs[1], alone(model, request_of(2, 100, 3)));
}

TEST(Engine, PreemptedSequencesDrawTheSameTokens) {
  for (Kind kind : {Kind::latent, Kind::sparse, Kind::grouped}) {
    const Model& model = tiny_model(kind);
    for (int positions : {128, 192, 320}) {
      ThreadPool pool(2);
      auto engine = engine_of(
          model, pool,
          {.sequences_max = 6, .prefill_rows = 10, .cache_bytes_max = bytes_for(model, positions)});
      Outputs outputs;
      std::vector<TokenRequest> requests;
      for (uint64_t i = 0; i < 8; ++i) {
        requests.push_back(request_of(i % 3, 20 + int(i % 3), 60 + 5 * int(i)));
        requests.back().stream = i;  // some share a prompt
        ASSERT_TRUE(engine->submit(requests.back()).has_value());
      }
      size_t drawn = 0;
      while (!engine->is_idle()) {
        step(*engine, outputs);
        // The oldest is never preempted.
        const bool is_running = outputs[0].reason == FinishReason::cancelled;
        if (is_running && !outputs[0].tokens.empty()) {
          EXPECT_EQ(outputs[0].tokens.size(), ++drawn);
        }
      }
      EXPECT_GT(engine->statistics().preemptions, 0) << positions;
      for (size_t i = 0; i < requests.size(); ++i)
        EXPECT_EQ(outputs[SequenceId(i)], alone(model, requests[i])) << i << " " << positions;
    }
  }
}

TEST(Engine, PagesAreTakenAsSequencesGrow) {
  const Model& model = tiny_model(Kind::latent);
  ThreadPool pool(1);
  // Six pages: two sequences of one page each and what they leave free; whole replies would need
  // four pages each.
  auto engine = engine_of(model, pool, {.cache_bytes_max = bytes_for(model, 192)});
  Outputs outputs;
  for (uint64_t i = 0; i < 2; ++i) ASSERT_TRUE(engine->submit(request_of(i, 20, 100)).has_value());
  for (int i = 0; i < 40; ++i) step(*engine, outputs);
  EXPECT_EQ(outputs[0].tokens.size(), 40u);
  EXPECT_EQ(outputs[1].tokens.size(), 40u);
  EXPECT_EQ(engine->statistics().preemptions, 0);
  finish(*engine, outputs);
  EXPECT_EQ(engine->statistics().preemptions, 1);
  for (uint64_t i = 0; i < 2; ++i)
    EXPECT_EQ(outputs[SequenceId(i)], alone(model, request_of(i, 20, 100)));
}

// Prompts of one seed begin alike, so sequences share pages, wait for each other's prompts, take
// over slots and preempt each other.
TEST(Engine, RandomTrafficInASmallCacheEndsAndChangesNothing) {
  int64_t preemptions = 0, reused = 0;
  for (uint64_t seed = 0; seed < 20; ++seed) {
    const Model& model = tiny_model(seed % 2 ? Kind::grouped : Kind::latent);
    Random random(seed, 77);
    auto below = [&](int n) { return int(random.below(uint64_t(n))); };
    ThreadPool pool(2);
    EngineOptions options;
    options.sequences_max = 2 + below(5);
    options.prefill_rows = 1 + below(40);
    options.cache_bytes_max = bytes_for(model, 128 + 32 * below(3));
    options.keeps_prefixes = below(2);
    auto engine = engine_of(model, pool, options);
    Traffic traffic;
    run_traffic(
        *engine, random, 20, 16,
        [&] {
          TokenRequest request = request_of(uint64_t(below(3)), 1 + below(60), 1 + below(60));
          request.records_experts = below(3) == 0;
          return request;
        },
        traffic);
    expect_outputs(traffic, seed,
                   [&](const TokenRequest& request) { return alone(model, request); });
    preemptions += engine->statistics().preemptions;
    reused += engine->statistics().reused_tokens;
  }
  EXPECT_GT(preemptions, 15);
  EXPECT_GT(reused, 1000);
}

TEST(Engine, RefusesOnlyWhatCanNeverRun) {
  const Model& model = tiny_model(Kind::latent);
  ThreadPool pool(1);
  auto engine = engine_of(model, pool, {.cache_bytes_max = bytes_for(model, 64)});
  Outputs outputs;
  EXPECT_FALSE(engine->submit(request_of(0, 65, 1)).has_value());
  for (uint64_t i = 0; i < 3; ++i)  // each fills the cache alone
    ASSERT_TRUE(engine->submit(request_of(i, 64, 5)).has_value());
  finish(*engine, outputs);
  for (const auto& [id, output] : outputs) EXPECT_EQ(output.tokens.size(), 1u);
  EXPECT_EQ(outputs.size(), 3u);
}

TEST(Engine, EndsWithSequencesThatRunAndWait) {
  const Model& model = tiny_model(Kind::latent);
  ThreadPool pool(2);
  auto engine = engine_of(model, pool, {.sequences_max = 2});
  for (uint64_t i = 0; i < 4; ++i) ASSERT_TRUE(engine->submit(request_of(i, 40, 12)).has_value());
  EXPECT_EQ(engine->step().size(), 2u);
  engine.reset();
}

// Counts: after token t comes t + 1, with certainty. Its blocks add nothing to the embedding.
std::unique_ptr<Model> counting_model() {
  ModelConfig c = tiny(Kind::grouped);
  c.vocab_size = c.hidden_size = 48;
  c.tie_word_embeddings = false;
  auto model = Model::create(c, false);
  model->initialize(1);
  auto values = [&](const std::string& name) {
    Parameter* weight = model->find(name)->parameter;
    std::fill_n(weight->f32(), weight->count(), 0.0f);
    return weight->f32();
  };
  for (int layer = 0; layer < c.num_hidden_layers; ++layer) {
    const std::string block = "model.layers." + std::to_string(layer);
    values(block + ".self_attn.o_proj.weight");
    values(block + ".mlp.down_proj.weight");
  }
  float* embedding = values("model.embed_tokens.weight");
  float* head = values("lm_head.weight");
  for (int t = 0; t < 48; ++t) {
    embedding[t * 48 + t] = 1;
    head[(t + 1) % 48 * 48 + t] = 10;
  }
  ThreadPool pool(1);
  model->weights_changed();
  model->pack(pool);
  return model;
}

TEST(Engine, DrawsWhatTheLogitsSay) {
  const auto model = counting_model();
  TokenRequest request;
  request.prompt = {3};
  request.tokens_max = 5;
  EXPECT_EQ(alone(*model, request).tokens, (std::vector<int>{4, 5, 6, 7, 8}));
  request.stop_ids = {30, 6};
  const Output ended = alone(*model, request);
  EXPECT_EQ(ended.tokens, (std::vector<int>{4, 5, 6}));
  EXPECT_EQ(ended.reason, FinishReason::end);
}

// Forbids the tokens of a list, and remembers how many tokens it was shown.
struct Ban : TokenFilter {
  std::vector<int> tokens;
  std::vector<size_t> seen;
  explicit Ban(std::vector<int> tokens_) : tokens(std::move(tokens_)) {}
  void forbid(std::span<const int> sequence, std::span<const float>,
              std::span<uint8_t> is_forbidden) override {
    seen.push_back(sequence.size());
    for (int token : tokens) is_forbidden[size_t(token)] = 1;
  }
};

TEST(Engine, AFilterForbidsTokens) {
  const auto model = counting_model();
  for (double temperature : {0.0, 0.5}) {
    Ban ban({6, 0, 1});
    TokenRequest request;
    request.prompt = {2, 3};
    request.tokens_max = 30;
    request.sampling.temperature = temperature;
    request.token_filter = &ban;
    const Output output = alone(*model, request);
    ASSERT_EQ(output.tokens.size(), 30u);
    EXPECT_EQ(output.tokens[0], 4);
    EXPECT_EQ(output.tokens[1], 5);
    for (int token : output.tokens)
      EXPECT_TRUE(std::find(ban.tokens.begin(), ban.tokens.end(), token) == ban.tokens.end());
    if (temperature == 0) {
      EXPECT_EQ(output.tokens[2], 2);  // all others are equal: the lowest id
    }
    ASSERT_EQ(ban.seen.size(), 30u);
    EXPECT_EQ(ban.seen.front(), 2u);
    EXPECT_EQ(ban.seen.back(), 31u);
  }
}

TEST(Engine, ASequenceThatCanDrawNothingFailsAlone) {
  const auto model = counting_model();
  Parameter* embedding = model->find("model.embed_tokens.weight")->parameter;
  embedding->f32()[20 * 48] = std::numeric_limits<float>::quiet_NaN();
  std::vector<int> all;
  for (int t = 0; t < 48; ++t) all.push_back(t);
  Ban ban(all);
  TokenRequest good, damaged, banned;
  good.prompt = {3}, damaged.prompt = {18}, banned.prompt = {4};
  good.tokens_max = damaged.tokens_max = 6;
  banned.token_filter = &ban;
  ThreadPool pool(2);
  auto engine = engine_of(*model, pool, {.keeps_prefixes = true});
  for (const TokenRequest& request : {good, damaged, banned})
    ASSERT_TRUE(engine->submit(request).has_value());
  Outputs outputs;
  finish(*engine, outputs);
  EXPECT_EQ(outputs[0].tokens, (std::vector<int>{4, 5, 6, 7, 8, 9}));
  EXPECT_EQ(outputs[1].tokens, (std::vector<int>{19, 20}));
  EXPECT_EQ(outputs[1].reason, FinishReason::failed);
  EXPECT_NE(outputs[1].error.find("token 3: the logit of"), std::string::npos) << outputs[1].error;
  EXPECT_EQ(outputs[2].reason, FinishReason::failed);
  EXPECT_NE(outputs[2].error.find("forbids every token"), std::string::npos) << outputs[2].error;
  EXPECT_TRUE(outputs[2].tokens.empty());
}

}  // namespace
}  // namespace weir
