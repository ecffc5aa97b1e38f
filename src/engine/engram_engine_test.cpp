// Engines over models with a memory of n-grams (Engram): the classes of the last tokens are in the
// cache, so a sequence draws the same bits alone, among others, in any chunks, over pages of
// others, from the disk, and with guesses that do not come true.
#include <gtest/gtest.h>

#include "base/file.h"
#include "config/engram.h"
#include "testing/engine_fixture.h"

namespace weir {
namespace {

constexpr const char* kKinds[] = {
    R"("model_type": "deepseek_v41", "head_dim": 12, "qk_rope_head_dim": 8, "q_lora_rank": 20,
       "sliding_window": 2, "o_groups": 2, "o_lora_rank": 10, "compress_ratios": [0, 2, 2, 1],
       "kv_source_layer_ids": [1, 3], "index_source_layer_ids": [1, 3], "index_n_heads": 6,
       "index_head_dim": 12, "index_topk": 5, "hc_mult": 4, "n_routed_experts": 6,
       "num_experts_per_tok": 2, "moe_intermediate_size": 20, "engram_compressed_vocab_size": 100)",
    R"("model_type": "deepseek_v3", "kv_lora_rank": 24, "qk_nope_head_dim": 12,
       "qk_rope_head_dim": 8, "v_head_dim": 10, "q_lora_rank": null, "intermediate_size": 72,
       "n_routed_experts": 0, "num_nextn_predict_layers": 0)",
    R"("model_type": "qwen3", "num_key_value_heads": 2, "head_dim": 12, "intermediate_size": 72)"};

const Model& remembering_model(size_t kind) {
  static std::unique_ptr<Model> models[std::size(kKinds)];
  std::unique_ptr<Model>& model = models[kind];
  if (!model) {
    const auto json = parse_json(std::string("{") + kKinds[kind] +
                                 R"(, "vocab_size": 264, "hidden_size": 48, "num_hidden_layers": 4,
        "max_position_embeddings": 512, "initializer_range": 0.25, "num_attention_heads": 4,
        "engram_layer_ids": [0, 2], "engram_vocab_size": 40, "engram_max_ngram_size": 4,
        "engram_n_heads": 2, "engram_head_dim": 12, "engram_pad_token_id": 3})");
    const auto config = parse_config(*json, "tiny");
    EXPECT_TRUE(config) << config.error().message;
    model = Model::create(*config, false);
    model->initialize(5);
    ThreadPool pool(1);
    model->pack(pool);
  }
  return *model;
}

class EngramEngine : public ::testing::TestWithParam<size_t> {};

TEST_P(EngramEngine, SequencesDrawTheSameAloneAndTogether) {
  const Model& model = remembering_model(GetParam());
  for (int rows : {1, 7, 64}) {
    SCOPED_TRACE(rows);
    ThreadPool pool(2);
    auto engine = engine_of(model, pool, {.prefill_rows = rows, .keeps_prefixes = true});
    expect_as_alone(*engine, model, mixed_requests(20));
  }
}

// In this process and from the disk, from the place where a page ends: what is before it is hashed.
TEST_P(EngramEngine, BeginningsAreContinued) {
  const Model& model = remembering_model(GetParam());
  ThreadPool pool(1);
  EngineOptions options;
  options.keeps_prefixes = true;
  options.store.folder = testing::TempDir() + "engram_pages";
  options.store.model_files = "none";
  (void)remove_all(options.store.folder);
  TokenRequest request = request_of(5, 300, 4);
  request.records_experts = false;  // which are not stored
  for (int process = 0; process < 2; ++process) {
    auto engine = engine_of(model, pool, options);
    for (int again = 0; again < 2; ++again) {
      Outputs outputs;
      const auto id = engine->submit(request);
      ASSERT_TRUE(id);
      finish(*engine, outputs);
      EXPECT_EQ(outputs[*id], alone(model, request));
      request.prompt.push_back(7 + again);
    }
    EXPECT_EQ(engine->statistics().loaded_tokens, process == 0 ? 0 : 288);
    EXPECT_GE(engine->statistics().reused_tokens, 288);
  }
  (void)remove_all(options.store.folder);
}

TEST_P(EngramEngine, PreemptionAndGuessesChangeNoBit) {
  const Model& model = remembering_model(GetParam());
  ThreadPool pool(1);
  EngineOptions options;
  options.cache_bytes_max = bytes_for(model, 192);
  options.speculation.ngrams = true;
  auto engine = engine_of(model, pool, options);
  expect_as_alone(*engine, model,
                  {repeating_request(20, 20, 60), repeating_request(21, 20, 60),
                   repeating_request(22, 20, 60)});
}

// The window of the first kind is of two positions; its n-grams are of four.
TEST(EngramCache, KeepsWhatTheLongestNgramNeeds) {
  auto cache = KvCache::create(remembering_model(0).config(), CacheForm::expanded, size_t(1) << 26,
                               CacheType::f32, 32);
  ASSERT_TRUE(cache);
  EXPECT_EQ(cache->first_recent_page(66), 1);
  EXPECT_EQ(cache->first_recent_page(67), 2);
}

INSTANTIATE_TEST_SUITE_P(Kinds, EngramEngine, ::testing::Values(0, 1, 2));

}  // namespace
}  // namespace weir
