// DeepSeek-V4's keys in both spellings, what is refused, and the published numbers of its presets.
#include <gtest/gtest.h>

#include "config/compressed_tensors.h"
#include "config/config.h"

namespace weir {
namespace {

// As DeepSeek's files say it.
constexpr const char* kOwn = R"({"architectures": ["DeepseekV4ForCausalLM"],
  "model_type": "deepseek_v4", "vocab_size": 61, "hidden_size": 32, "num_hidden_layers": 5,
  "num_attention_heads": 4, "num_key_value_heads": 1, "head_dim": 16, "qk_rope_head_dim": 8,
  "q_lora_rank": 20, "o_groups": 2, "o_lora_rank": 6, "sliding_window": 9, "index_n_heads": 8,
  "index_head_dim": 12, "index_topk": 4, "compress_ratios": [0, 4, 128, 4, 128, 0],
  "num_hash_layers": 2, "n_routed_experts": 8, "num_experts_per_tok": 3,
  "moe_intermediate_size": 12, "scoring_func": "sqrtsoftplus", "topk_method": "noaux_tc",
  "routed_scaling_factor": 1.5, "swiglu_limit": 10, "hc_mult": 4, "hc_sinkhorn_iters": 20,
  "max_position_embeddings": 128, "rope_theta": 10000, "compress_rope_theta": 40000,
  "num_nextn_predict_layers": 1, "rope_scaling": {"type": "yarn", "factor": 4,
  "original_max_position_embeddings": 16, "beta_fast": 32, "beta_slow": 1}})";

Json own() { return *parse_json(kOwn); }

// The same as transformers 5 says it.
Json renamed() {
  Json json = own();
  Json out = Json::object();
  for (const auto& [key, value] : json.members())
    if (key != "compress_ratios" && key != "num_hash_layers" && key != "qk_rope_head_dim" &&
        key != "rope_scaling")
      out.set(key, value);
  out.set("layer_types", *parse_json(R"(["sliding_attention", "compressed_sparse_attention",
      "heavily_compressed_attention", "compressed_sparse_attention",
      "heavily_compressed_attention"])"));
  out.set("compress_rates", *parse_json(R"({"compressed_sparse_attention": 4,
      "heavily_compressed_attention": 128})"));
  out.set("mlp_layer_types", *parse_json(R"(["hash_moe", "hash_moe", "moe", "moe", "moe"])"));
  out.set("rope_parameters", *parse_json(R"({"main": {"rope_type": "default", "rope_theta": 10000,
      "partial_rotary_factor": 0.5}, "compress": {"rope_type": "yarn", "rope_theta": 40000,
      "factor": 4, "original_max_position_embeddings": 16, "beta_fast": 32, "beta_slow": 1,
      "attention_factor": 1.0, "partial_rotary_factor": 0.5}})"));
  return out;
}

std::string refusal(const char* key, const char* value, Json json = own()) {
  json.set(key, *parse_json(value));
  const auto parsed = parse_config(json, "c");
  return parsed ? "" : parsed.error().message;
}

TEST(CompressedConfig, BothSpellingsSayTheSame) {
  const auto a = parse_config(own(), "c"), b = parse_config(renamed(), "c");
  ASSERT_TRUE(a) << a.error().message;
  ASSERT_TRUE(b) << b.error().message;
  EXPECT_EQ(config_json(*a).dump(), config_json(*b).dump());
  EXPECT_EQ(a->compress_ratios, (std::vector<int>{0, 4, 128, 4, 128}));
  EXPECT_EQ(a->compress_rope.theta, 40000);
  EXPECT_EQ(a->compress_rope.attention_factor, 1);
  EXPECT_EQ(a->rope.theta, 10000);
  EXPECT_EQ(a->rope.scaling, RopeScaling::none);
  EXPECT_EQ(b->num_hash_layers, 2);
  EXPECT_EQ(b->qk_rope_head_dim, 8);
  EXPECT_EQ(a->num_nextn_predict_layers, 1);
  EXPECT_EQ(config_json(*a).find("compress_ratios")->size(), 6u) << "one for the module";
  const auto again = parse_config(config_json(*a), "c");
  ASSERT_TRUE(again) << again.error().message;
  EXPECT_EQ(config_json(*again).dump(), config_json(*a).dump());
}

// Ratios that transformers knows by the name of their kind only.
TEST(CompressedConfig, OtherRatiosAreWrittenByName) {
  Json json = own();
  json.set("compress_ratios", *parse_json("[0, 4, 16, 4, 16]"));
  const auto config = parse_config(json, "c");
  ASSERT_TRUE(config);
  const Json written = config_json(*config);
  EXPECT_EQ(*written.find("compress_rates")->find("heavily_compressed_attention")->as_int(), 16);
  EXPECT_EQ(parse_config(written, "c")->compress_ratios, config->compress_ratios);
}

TEST(CompressedConfig, WrongFilesAreRefusedInOneSentence) {
  const std::pair<std::pair<const char*, const char*>, const char*> kCases[] = {
      {{"compress_ratios", "[0, 4, 128]"}, "'compress_ratios' has 3 numbers for 5 layers"},
      {{"compress_ratios", "[0, 4, 128, 4, 128, 4]"}, "must be 0 for the modules"},
      {{"compress_ratios", "[0, 4, 128, 4, 6]"}, "'compress_ratios' has 6, but 0 (the window"},
      {{"compress_ratios", "[0, 4, 128, 4, 2]"}, "'compress_ratios' has 2, but 0 (the window"},
      {{"compress_ratios", "null"}, "'compress_ratios' is missing"},
      {{"layer_types", R"(["full_attention", "x", "x", "x", "x"])"}, "has 'full_attention', but"},
      {{"num_hash_layers", "6"}, "'num_hash_layers' 6 must be from 0 to 5"},
      {{"mlp_layer_types", R"(["moe", "hash_moe", "moe", "moe", "moe"])"}, "hash_moe layers first"},
      {{"o_groups", "3"}, "must be a multiple of 'o_groups' 3"},
      {{"scoring_func", "\"sigmoid\""}, "goes with 'scoring_func' sqrtsoftplus"},
      {{"num_key_value_heads", "2"}, "'num_key_value_heads' must be a whole number from 1 to 1"},
      {{"qk_rope_head_dim", "7"}, "'qk_rope_head_dim' must be even"},
      {{"qk_rope_head_dim", "14"}, "'index_head_dim'"},
      {{"hc_mult", "9"}, "'hc_mult' must be a whole number from 1 to 8"},
      {{"first_k_dense_replace", "1"}, "has experts in every layer"},
      {{"sliding_window", "0"}, "'sliding_window' must be a whole number from 1"},
      {{"kv_source_layer_ids", "[2]"}, ""},  // of V4.1: unknown to V4, as other keys are
  };
  for (const auto& [change, expected] : kCases)
    EXPECT_NE(refusal(change.first, change.second).find(expected), std::string::npos)
        << change.first << ": " << refusal(change.first, change.second);
}

TEST(CompressedConfig, SourcesOfV41PointBackwards) {
  Json json = config_json(*preset("deepseek-v4.1-flash"));
  ASSERT_TRUE(parse_config(json, "c")) << parse_config(json, "c").error().message;
  const std::pair<std::pair<const char*, const char*>, const char*> kCases[] = {
      {{"kv_source_layer_ids", "[8, 2, 14, 20]"}, "must name layers of the model in rising order"},
      {{"kv_source_layer_ids", "[2, 8, 14, 40]"}, "must name layers of the model"},
      {{"kv_source_layer_ids", "[1, 8, 14, 20]"}, "names layer 1, whose number"},
      {{"kv_source_layer_ids", "[3, 8, 14, 20]"}, "layer 3 of 'kv_source_layer_ids' must be in"},
      {{"kv_source_layer_ids", "[2, 8, 14]"}, "layer 20 has the number 1"},
      {{"kv_source_layer_ids", "[8, 14, 20]"}, "layer 2 has the number 2"},
      {{"candidate_topk_blocks", "64"}, "hold fewer than the 'index_topk' 512"},
      {{"index_source_layer_ids", "[8, 14, 20]"}, "layer 2 of 'kv_source_layer_ids' must be in"},
      {{"kv_source_layer_ids", "[]"}, "'kv_source_layer_ids' goes with"},
  };
  for (const auto& [change, expected] : kCases)
    EXPECT_NE(refusal(change.first, change.second, json).find(expected), std::string::npos)
        << change.first << ": " << refusal(change.first, change.second, json);
  // A file that also describes what sees images.
  Json whole = Json::object();
  whole.set("model_type", "deepseek_v41");
  whole.set("text_config", json);
  EXPECT_EQ(config_json(*parse_config(whole, "c")).dump(), json.dump());
}

TEST(CompressedConfig, PresetsHaveThePublishedNumbers) {
  const ModelSize flash = model_size(*preset("v4-flash")), pro = model_size(*preset("v4-pro"));
  EXPECT_NEAR(double(flash.total), 284e9, 1e9);
  EXPECT_NEAR(double(flash.active), 13e9, 0.5e9);
  EXPECT_NEAR(double(pro.total), 1.6e12, 0.05e12);
  EXPECT_NEAR(double(pro.active), 49e9, 1e9);
  EXPECT_NEAR(served_cache_bytes(*preset("v4-flash")), 3514, 1);
  EXPECT_NEAR(served_cache_bytes(*preset("v4-pro")), 5031, 1);
  EXPECT_EQ(served_cache_bytes(*preset("v4.1-flash")), 890);
  EXPECT_EQ(served_cache_bytes(*preset("v3")), 0);
  EXPECT_EQ(cache_size(*preset("v4-flash")).elements, 21 * 640 / 4 + 20 * 512 / 128);
}

TEST(CompressedConfig, TensorsHaveDeepSeeksNames) {
  ModelConfig config;
  config.num_hidden_layers = 5;
  EXPECT_EQ(deepseek_name(config, "model.layers.3.self_attn.q_a_proj.weight"),
            "layers.3.attn.wq_a.weight");
  EXPECT_EQ(deepseek_name(config, "model.layers.0.mlp.experts.17.down_proj.weight"),
            "layers.0.ffn.experts.17.w2.weight");
  EXPECT_EQ(deepseek_name(config, "model.layers.0.mlp.shared_experts.up_proj.weight"),
            "layers.0.ffn.shared_experts.w3.weight");
  EXPECT_EQ(deepseek_name(config, "lm_head.weight"), "head.weight");
  EXPECT_EQ(deepseek_name(config, "model.hc_head.hc_fn"), "hc_head_fn");
  EXPECT_EQ(deepseek_name(config, "model.layers.5.self_attn.q_a_proj.weight"),
            "mtp.0.attn.wq_a.weight");
  EXPECT_EQ(deepseek_name(config, "model.layers.6.shared_head.norm.weight"), "mtp.1.norm.weight");
  EXPECT_EQ(deepseek_name(config, "model.layers.x.enorm.weight"), "");
  EXPECT_EQ(deepseek_name(config, "model.layers.3.unknown"), "");
  EXPECT_EQ(deepseek_name(config, "model.layers"), "");
}

}  // namespace
}  // namespace weir
