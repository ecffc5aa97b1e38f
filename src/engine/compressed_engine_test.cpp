// An engine over a model of DeepSeek-V4's kind: a sequence draws the same bits alone, among others,
// in any chunks, over pages of others, preempted, and with guesses that do not come true.
#include <gtest/gtest.h>

#include <algorithm>

#include "testing/adapter_fixture.h"
#include "testing/engine_fixture.h"

namespace weir {
namespace {

ModelConfig compressed_config() {
  const auto json = parse_json(R"({"model_type": "deepseek_v4", "vocab_size": 264,
      "hidden_size": 48, "num_hidden_layers": 4, "max_position_embeddings": 512,
      "initializer_range": 0.25, "num_attention_heads": 4, "head_dim": 12, "qk_rope_head_dim": 8,
      "q_lora_rank": 20, "sliding_window": 11, "o_groups": 2, "o_lora_rank": 10,
      "compress_ratios": [0, 4, 64, 4], "index_n_heads": 6, "index_head_dim": 12, "index_topk": 5,
      "hc_mult": 4, "num_hash_layers": 1, "n_routed_experts": 6, "num_experts_per_tok": 2,
      "moe_intermediate_size": 20, "rope_scaling": {"type": "yarn", "factor": 4,
      "original_max_position_embeddings": 64}})");
  return *parse_config(*json, "tiny");
}

const Model& compressed_model() {
  static std::unique_ptr<Model> model;
  if (!model) {
    model = Model::create(compressed_config(), false);
    model->initialize(5);
    ThreadPool pool(1);
    model->pack(pool);
  }
  return *model;
}

// Prompts of several lengths; the third begins as the first does.
std::vector<TokenRequest> mixed_requests() {
  std::vector<TokenRequest> requests;
  for (auto [seed, prompt] :
       {std::pair(1, 70), std::pair(2, 3), std::pair(1, 90), std::pair(4, 33)})
    requests.push_back(request_of(uint64_t(seed), prompt, 40));
  return requests;
}

TEST(CompressedEngine, SequencesDrawTheSameAloneAndTogether) {
  const Model& model = compressed_model();
  for (int rows : {1, 7, 64}) {
    ThreadPool pool(2);
    auto engine = engine_of(model, pool, {.prefill_rows = rows, .keeps_prefixes = true});
    Outputs outputs;
    const std::vector<TokenRequest> requests = mixed_requests();
    for (const TokenRequest& request : requests) ASSERT_TRUE(engine->submit(request));
    finish(*engine, outputs);
    for (size_t i = 0; i < requests.size(); ++i)
      EXPECT_EQ(outputs[SequenceId(i)], alone(model, requests[i])) << i << ", rows " << rows;
  }
}

TEST(CompressedEngine, ABeginningIsReused) {
  const Model& model = compressed_model();
  ThreadPool pool(1);
  auto engine = engine_of(model, pool, {.keeps_prefixes = true});
  const TokenRequest request = request_of(3, 150, 5);
  for (int i = 0; i < 2; ++i) {
    Outputs outputs;
    const auto id = engine->submit(request);
    ASSERT_TRUE(id);
    finish(*engine, outputs);
    EXPECT_EQ(outputs[*id], alone(model, request));
  }
  EXPECT_GE(engine->statistics().reused_tokens, 128);
}

TEST(CompressedEngine, PreemptedSequencesAreComputedAgain) {
  const Model& model = compressed_model();
  ThreadPool pool(1);
  auto engine = engine_of(model, pool, {.cache_bytes_max = bytes_for(model, 192)});
  Outputs outputs;
  std::vector<TokenRequest> requests;
  for (uint64_t i = 0; i < 3; ++i) {
    requests.push_back(request_of(20 + i, 40, 60));
    ASSERT_TRUE(engine->submit(requests.back()));
  }
  finish(*engine, outputs);
  for (size_t i = 0; i < requests.size(); ++i)
    EXPECT_EQ(outputs[SequenceId(i)], alone(model, requests[i])) << i;
}

// Greedy replies that repeat themselves are guessed; guesses that fail leave no trace in rings and
// open groups.
TEST(CompressedEngine, GuessesChangeNoBit) {
  const Model& model = compressed_model();
  EngineOptions options;
  options.speculation.ngrams = true;
  ThreadPool pool(1);
  auto engine = engine_of(model, pool, options);
  Outputs outputs;
  std::vector<TokenRequest> requests;
  for (uint64_t i = 0; i < 3; ++i) {
    TokenRequest request = request_of(30 + i, 20, 90);
    const std::vector<int> once = request.prompt;
    request.prompt.insert(request.prompt.end(), once.begin(), once.end());
    request.sampling.temperature = 0;
    requests.push_back(request);
    ASSERT_TRUE(engine->submit(request));
  }
  finish(*engine, outputs);
  EXPECT_GT(engine->statistics().drafted_tokens, 0);
  for (size_t i = 0; i < requests.size(); ++i)
    EXPECT_EQ(outputs[SequenceId(i)], alone(model, requests[i])) << i;
}

// Of all projections that may have one; what makes entries has none.
TEST(CompressedEngine, AdaptersAreTaken) {
  auto model = Model::create(compressed_config(), false);
  model->initialize(5);
  auto lora = make_lora(compressed_config(), {.rank = 2, .targets = {"all-linear"}}, 7);
  ASSERT_TRUE(lora) << lora.error().message;
  for (LoraModule& module : lora->modules) {
    EXPECT_EQ(module.name.find(".compressor."), std::string::npos) << module.name;
    std::fill(module.b.begin(), module.b.end(), 0.05f);
  }
  const TokenRequest request = request_of(3, 40, 12);
  ThreadPool pool(1);
  model->pack(pool);
  const Output plain = alone(*model, request);
  const auto added = model->add_adapter(*lora);
  ASSERT_TRUE(added) << added.error().message;
  EXPECT_EQ(alone(*model, request), plain);
  model->default_adapter = *added;
  model->pack(pool);
  EXPECT_NE(alone(*model, request), plain);
}

TEST(CompressedEngine, OtherCachesAreRefused) {
  EXPECT_NE(KvCache::create(compressed_config(), CacheForm::expanded, 1 << 20, CacheType::q8)
                .error()
                .message.find("is not there for compressed attention"),
            std::string::npos);
  EXPECT_FALSE(KvCache::create(compressed_config(), CacheForm::latent, 1 << 20));
}

}  // namespace
}  // namespace weir
