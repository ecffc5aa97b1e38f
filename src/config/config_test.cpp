// config.json: reading (both spellings, absent keys, every refusal), writing, presets.
#include "config/config.h"

#include <gtest/gtest.h>

#include "base/atomic_output.h"

namespace weir {
namespace {

constexpr const char* kSmallV3 = R"({
  "architectures": ["DeepseekV3ForCausalLM"], "model_type": "deepseek_v3", "vocab_size": 512,
  "hidden_size": 64, "num_hidden_layers": 4, "num_attention_heads": 4, "intermediate_size": 128,
  "q_lora_rank": null, "kv_lora_rank": 32, "qk_nope_head_dim": 16, "qk_rope_head_dim": 8,
  "v_head_dim": 16, "n_routed_experts": 8, "n_shared_experts": 1, "num_experts_per_tok": 2,
  "moe_intermediate_size": 32, "first_k_dense_replace": 1, "n_group": 4, "topk_group": 2,
  "scoring_func": "sigmoid", "topk_method": "noaux_tc", "torch_dtype": "bfloat16"})";

Result<ModelConfig> parse(const std::string& text) {
  auto json = parse_json(text);
  EXPECT_TRUE(json.has_value()) << text;
  return parse_config(*json, "config.json");
}

// The small configuration with keys replaced or added; the value is JSON text.
using Changes = std::vector<std::pair<std::string, std::string>>;
Json changed(const std::string& base, const Changes& changes) {
  Json json = *parse_json(base);
  for (const auto& [key, value] : changes) json.set(key, *parse_json(value));
  return json;
}
Result<ModelConfig> with(const Changes& changes) {
  return parse_config(changed(kSmallV3, changes), "config.json");
}
Json without(const std::string& key) {
  Json json = *parse_json(kSmallV3);
  std::erase_if(json.members(), [&](const Json::Member& member) { return member.first == key; });
  return json;
}

std::string refusal(const Changes& changes) {
  auto parsed = with(changes);
  return parsed ? "" : parsed.error().message;
}

#define EXPECT_REFUSED(key, value, words)                           \
  EXPECT_NE(refusal({{key, value}}).find(words), std::string::npos) \
      << key << " = " << value << ", message: '" << refusal({{key, value}}) << "'"

std::string written(const ModelConfig& config) { return config_json(config).dump(1); }

TEST(Config, ReadsDeepseekV3Keys) {
  auto c = parse(kSmallV3);
  ASSERT_TRUE(c.has_value()) << c.error().message;
  EXPECT_EQ(c->attention, AttentionKind::mla);
  EXPECT_EQ(c->q_lora_rank, 0);
  EXPECT_EQ(c->kv_lora_rank, 32);
  EXPECT_EQ(c->key_head_width(), 24);
  EXPECT_EQ(c->query_width(), 96);
  EXPECT_EQ(c->gate, GateKind::sigmoid);
  EXPECT_EQ(c->group_kind, GroupKind::top2_sum);
  EXPECT_TRUE(c->has_gate_bias);
  EXPECT_TRUE(c->rope.interleaved);
  EXPECT_EQ(c->num_nextn_predict_layers, 0);
  EXPECT_FALSE(c->is_moe(0));
  EXPECT_TRUE(c->is_moe(1));
}

TEST(Config, AbsentKeysHaveTheDefaultsOfTransformers) {
  auto c = parse(R"({"model_type": "deepseek_v3", "vocab_size": 1000, "hidden_size": 64,
                     "num_hidden_layers": 4, "num_attention_heads": 4, "intermediate_size": 128})");
  ASSERT_TRUE(c.has_value()) << c.error().message;
  EXPECT_EQ(c->q_lora_rank, 1536);
  EXPECT_EQ(c->kv_lora_rank, 512);
  EXPECT_EQ(c->n_routed_experts, 256);
  EXPECT_EQ(c->n_group, 8);
  EXPECT_EQ(c->routed_scaling_factor, 2.5);
  EXPECT_EQ(c->max_position_embeddings, 4096);
  EXPECT_EQ(c->rms_norm_eps, 1e-6);
  EXPECT_EQ(c->rope.theta, 10000);
  EXPECT_EQ(c->eos_token_id, 1);
  auto qwen = parse(R"({"model_type": "qwen2", "vocab_size": 1000, "hidden_size": 64,
                        "num_hidden_layers": 4, "num_attention_heads": 4,
                        "intermediate_size": 128})");
  ASSERT_TRUE(qwen.has_value()) << qwen.error().message;
  EXPECT_EQ(qwen->num_key_value_heads, 4);
  EXPECT_EQ(qwen->head_dim, 16);
  EXPECT_TRUE(qwen->attention_bias);
  EXPECT_FALSE(qwen->tie_word_embeddings);
  EXPECT_EQ(qwen->max_position_embeddings, 32768);
  EXPECT_FALSE(qwen->rope.interleaved);
}

constexpr const char* kSmallQwen3 = R"({
  "architectures": ["Qwen3MoeForCausalLM"], "model_type": "qwen3_moe", "vocab_size": 512,
  "hidden_size": 64, "num_hidden_layers": 6, "num_attention_heads": 4, "num_key_value_heads": 2,
  "intermediate_size": 128, "head_dim": 32, "num_experts": 8, "num_experts_per_tok": 2,
  "moe_intermediate_size": 32, "decoder_sparse_step": 2, "mlp_only_layers": [3],
  "norm_topk_prob": true, "max_window_layers": 6, "sliding_window": null, "torch_dtype": "bfloat16",
  "use_sliding_window": false})";

TEST(Config, ReadsQwen3Keys) {
  auto c = parse(kSmallQwen3);
  ASSERT_TRUE(c.has_value()) << c.error().message;
  EXPECT_TRUE(c->head_norms);
  EXPECT_FALSE(c->attention_bias);
  EXPECT_EQ(c->head_dim, 32);
  EXPECT_EQ(c->gate, GateKind::softmax);
  EXPECT_EQ(c->n_shared_experts, 0);
  // (layer + 1) % 2 == 0, without layer 3.
  for (int layer = 0; layer < 6; ++layer) EXPECT_EQ(c->is_moe(layer), layer == 1 || layer == 5);
  EXPECT_EQ(written(*parse_config(config_json(*c), "x")), written(*c));
  auto without_width = parse_config(changed(kSmallQwen3, {{"head_dim", "null"}}), "x");
  ASSERT_TRUE(without_width.has_value());
  EXPECT_EQ(without_width->head_dim, 16);
  for (const char* bad : {"[6]", "[-1]", "[0.5]", "3", "[\"a\"]"})
    EXPECT_FALSE(parse_config(changed(kSmallQwen3, {{"mlp_only_layers", bad}}), "x")) << bad;
  auto dense = parse_config(changed(kSmallQwen3, {{"model_type", "\"qwen3\""}}), "x");
  ASSERT_TRUE(dense.has_value()) << dense.error().message;
  EXPECT_EQ(dense->n_routed_experts, 0);
}

TEST(Config, ReadsTheIndexerOfDeepseekV32) {
  auto c = with({{"model_type", "\"deepseek_v32\""},
                 {"q_lora_rank", "24"},
                 {"index_n_heads", "4"},
                 {"index_head_dim", "16"},
                 {"index_topk", "100"}});
  ASSERT_TRUE(c.has_value()) << c.error().message;
  EXPECT_TRUE(c->is_sparse());
  EXPECT_EQ(c->index_topk, 100);
  EXPECT_EQ(written(*parse_config(config_json(*c), "x")), written(*c));
  const Changes sparse = {{"model_type", "\"deepseek_v32\""}};
  EXPECT_NE(refusal(sparse).find("'q_lora_rank' must be above 0"), std::string::npos);
  EXPECT_NE(refusal({{"model_type", "\"deepseek_v32\""}, {"index_head_dim", "4"}})
                .find("must not be below 'qk_rope_head_dim' 8"),
            std::string::npos);
  EXPECT_FALSE(with({})->is_sparse());
}

TEST(Config, LayerKindsMayBeListed) {
  EXPECT_EQ(with({{"mlp_layer_types", R"(["dense", "sparse", "sparse", "sparse"])"}})
                ->first_k_dense_replace,
            1);
  Json json = without("first_k_dense_replace");
  json.set("mlp_layer_types", *parse_json(R"(["dense", "dense", "sparse", "sparse"])"));
  EXPECT_EQ(parse_config(json, "x")->first_k_dense_replace, 2);
  EXPECT_REFUSED("mlp_layer_types", R"(["dense"])", "a word for each");
  EXPECT_REFUSED("mlp_layer_types", R"(["sparse", "dense", "sparse", "sparse"])", "dense layers");
  EXPECT_REFUSED("mlp_layer_types", R"(["dense", "dense", "sparse", "sparse"])", "has 2 dense");
}

TEST(Config, QuantizedFilesAreFp8InBlocksOf128) {
  const std::string blocks = R"("weight_block_size": [128, 128])";
  EXPECT_TRUE(with({{"quantization_config", "{\"quant_method\": \"fp8\", \"fmt\": \"e4m3\", " +
                                                blocks + ", \"scale_fmt\": \"ue8m0\"}"}}));
  EXPECT_TRUE(with({{"quantization_config", "null"}}));
  EXPECT_REFUSED("quantization_config", R"({"quant_method": "awq", "bits": 4})",
                 "'awq' is not supported: only fp8, compressed-tensors and modelopt are");
  EXPECT_REFUSED("quantization_config", R"({"bits": 4})", "'none' is not supported");
  EXPECT_REFUSED("quantization_config", R"({"quant_method": "fp8"})",
                 "must be [128, 128] or [32, 32]");
  EXPECT_REFUSED("quantization_config",
                 R"({"quant_method": "fp8", "weight_block_size": [64, 128]})", "[128, 128]");
  EXPECT_REFUSED("quantization_config", R"({"quant_method": "fp8", "fmt": "e5m2"})", "'e5m2'");
}

TEST(Config, SisterFamiliesRefuseWhatTheyDoNotCompute) {
  const auto refused = [](const char* family, const Changes& changes) {
    const std::string path =
        std::string(WEIR_SOURCE_DIR) + "/src/model/testdata/" + family + "/config.json";
    Json json = *read_json_file(path);
    for (const auto& [key, value] : changes) json.set(key, *parse_json(value));
    auto parsed = parse_config(json, "c");
    return parsed ? "" : parsed.error().message;
  };
  const auto expect = [&](const char* family, const Changes& changes, const char* part) {
    const std::string message = refused(family, changes);
    EXPECT_NE(message.find(part), std::string::npos) << message;
  };
  EXPECT_EQ(refused("kimi_k25", {}), "");
  expect("kimi_k25", {{"text_config", R"({"model_type": "ministral3"})"}},
         "'text_config' has 'model_type' 'ministral3', which is not supported inside of");
  expect("kimi_k25", {{"text_config", "3"}}, "'text_config' must be an object");
  expect("glm_moe_dsa", {{"indexer_types", R"(["shared", "full", "full", "full"])"}},
         "must let layer 0 choose tokens");
  expect("glm_moe_dsa", {{"indexer_types", R"(["full"])"}}, "a word for each of");
  expect("glm_moe_dsa", {{"indexer_types", R"(["full", "none", "full", "full"])"}},
         "has 'none', but only full and shared are known");
  expect("minicpm3_longrope",
         {{"rope_parameters", R"({"rope_type": "longrope", "short_factor": [1, 1],
           "long_factor": [1, 2], "original_max_position_embeddings": 32})"}},
         "'long_factor' differs from 'short_factor', which is supported only when");
  expect("minicpm3_longrope", {{"rope_parameters", R"({"rope_type": "longrope", "short_factor": [1],
           "long_factor": [1, 2]})"}},
         "'short_factor' must be a list of 2 numbers");
  expect("mistral4",
         {{"rope_parameters", R"({"rope_type": "default", "partial_rotary_factor": 0.5})"}},
         "'partial_rotary_factor' is not supported");
}

TEST(Config, WindowsOfAttentionAreRefused) {
  auto refused = [](const Changes& changes) {
    auto parsed = parse_config(changed(kSmallQwen3, changes), "config.json");
    return parsed ? "" : parsed.error().message;
  };
  EXPECT_EQ(
      refused(
          {{"use_sliding_window", "true"}, {"sliding_window", "1024"}, {"max_window_layers", "4"}}),
      "config.json: 'use_sliding_window' is true for layers 4 to 5, but attention over a "
      "window of positions is not supported");
  EXPECT_NE(refused({{"layer_types", R"(["full_attention", "sliding_attention"])"}})
                .find("has 'sliding_attention'"),
            std::string::npos);
  EXPECT_EQ(refused({{"layer_types", R"(["full_attention"])"}}), "");
}

// What Qwen2Config and Qwen3MoeConfig of transformers make of these keys: layers from
// max_window_layers (28) on are sliding, unless sliding_window is null.
TEST(Config, F22WindowsThatNoLayerHasAreAccepted) {
  auto accepted = [](const Changes& changes) {
    auto all = changes;
    all.push_back({"use_sliding_window", "true"});
    auto parsed = parse_config(changed(kSmallQwen3, all), "config.json");
    return bool(parsed);
  };
  EXPECT_TRUE(accepted({{"sliding_window", "1024"}})) << "max_window_layers 6 of 6";
  EXPECT_TRUE(accepted({{"sliding_window", "1024"}, {"max_window_layers", "null"}})) << "28 of 6";
  EXPECT_TRUE(accepted({{"sliding_window", "null"}, {"max_window_layers", "0"}}));
  EXPECT_TRUE(accepted({{"sliding_window", "32768"}, {"max_window_layers", "0"}}))
      << "as long as the positions";
  EXPECT_FALSE(accepted({{"sliding_window", "1024"}, {"max_window_layers", "5"}}));
  EXPECT_FALSE(accepted({{"sliding_window", "null"}, {"layer_types", R"(["sliding_attention"])"}}));
}

TEST(Config, F14ArchitectureOfAFileIsThatOfItsType) {
  const std::string path = ::testing::TempDir() + "/weir_config_test.json";
  auto read = [&](const Changes& changes) {
    EXPECT_TRUE(write_file_atomic(path, changed(kSmallV3, changes).dump()));
    auto config = read_config(path);
    return config ? "" : config.error().message;
  };
  EXPECT_EQ(read({}), "");
  EXPECT_EQ(read({{"architectures", "[]"}}), "");
  EXPECT_EQ(read({{"model_type", "\"kimi_k2\""}}), "");
  EXPECT_EQ(read({{"architectures", R"(["FSDPDeepseekV3ForCausalLM"])"}}), "") << "F14";
  EXPECT_EQ(read({{"architectures", R"(["DeepseekV3Model"])"}}), "");
  EXPECT_NE(read({{"architectures", R"(["DeepseekModel"])"}}), "");
  EXPECT_NE(read({{"architectures", R"(["FSDPDeepseekV3ForSequenceClassification"])"}}), "");
  EXPECT_NE(read({{"architectures", R"(["DeepseekV3ForSequenceClassification"])"}})
                .find("'architectures' has 'DeepseekV3ForSequenceClassification', but 'model_type' "
                      "'deepseek_v3' goes with 'DeepseekV3ForCausalLM'"),
            std::string::npos);
  std::remove(path.c_str());
}

TEST(Config, AnEncoderIsSentToWhatTakesIt) {
  const auto config = parse_config(*parse_json(R"({"model_type": "bert"})"), "config.json");
  ASSERT_FALSE(config);
  EXPECT_NE(config.error().message.find("weir embed"), std::string::npos);
}

TEST(Config, SizesMustBeThere) {
  for (const char* key : {"vocab_size", "hidden_size", "num_hidden_layers", "num_attention_heads",
                          "intermediate_size"}) {
    auto parsed = parse_config(without(key), "config.json");
    ASSERT_FALSE(parsed.has_value());
    EXPECT_EQ(parsed.error().message, std::string("config.json: '") + key + "' is missing");
  }
}

TEST(Config, ReadsBothSpellingsOfRope) {
  const std::string yarn =
      R"("factor": 40, "original_max_position_embeddings": 4096, "beta_fast": 32, "beta_slow": 1,
         "mscale": 0.707, "mscale_all_dim": 0.707)";
  auto older =
      with({{"rope_scaling", "{\"type\": \"yarn\", " + yarn + "}"}, {"rope_theta", "5e4"}});
  auto newer = with(
      {{"rope_parameters", "{\"rope_type\": \"yarn\", \"rope_theta\": 50000.0, " + yarn + "}"}});
  ASSERT_TRUE(older.has_value()) << older.error().message;
  ASSERT_TRUE(newer.has_value()) << newer.error().message;
  EXPECT_EQ(older->rope.scaling, RopeScaling::yarn);
  EXPECT_EQ(older->rope.theta, 50000);
  EXPECT_EQ(older->rope.mscale_all_dim, 0.707);
  EXPECT_EQ(written(*older), written(*newer));
  auto plain = with({{"rope_parameters", R"({"rope_type": "default", "rope_theta": 1000})"},
                     {"rope_scaling", "null"}});
  ASSERT_TRUE(plain.has_value());
  EXPECT_EQ(plain->rope.scaling, RopeScaling::none);
  EXPECT_EQ(plain->rope.theta, 1000);
}

TEST(Config, ReadsLinearScalingAndYarnsOwnAmplitude) {
  auto linear = with({{"rope_scaling", R"({"type": "linear", "factor": 4.0})"}});
  ASSERT_TRUE(linear.has_value()) << linear.error().message;
  EXPECT_EQ(linear->rope.scaling, RopeScaling::linear);
  EXPECT_EQ(linear->rope.factor, 4);
  EXPECT_EQ(written(*parse_config(config_json(*linear), "x")), written(*linear));
  auto yarn = with({{"rope_scaling", R"({"type": "yarn", "factor": 4, "attention_factor": 3.0})"}});
  ASSERT_TRUE(yarn.has_value()) << yarn.error().message;
  EXPECT_EQ(yarn->rope.attention_factor, 3);
  EXPECT_EQ(written(*parse_config(config_json(*yarn), "x")), written(*yarn));
  auto derived =
      with({{"rope_scaling",
             R"({"type": "yarn", "factor": 4, "attention_factor": 1.1386294361119891})"}});
  EXPECT_EQ(derived->rope.attention_factor, 0) << "that is what follows from the factor";
}

TEST(Config, SoftmaxScaleIncludesTheYarnFactor) {
  EXPECT_NEAR(preset("deepseek-v2-lite")->softmax_scale(), 0.114721387, 1e-9);
  EXPECT_NEAR(preset("deepseek-v2")->softmax_scale(), 0.135233779, 1e-9);
  EXPECT_NEAR(preset("deepseek-v3")->softmax_scale(), 0.135233779, 1e-9);
  EXPECT_NEAR(preset("moonlight")->softmax_scale(), 0.0721687836, 1e-10);
  EXPECT_NEAR(preset("kimi-k2")->softmax_scale(), 0.13086080, 1e-8);
  EXPECT_NEAR(preset("r1-distill-qwen-7b")->softmax_scale(), 0.0883883476, 1e-10);
}

TEST(Config, EosMayBeAList) {
  EXPECT_EQ(with({{"eos_token_id", "[5, 6]"}})->eos_token_id, 5);
  EXPECT_EQ(with({{"eos_token_id", "null"}})->eos_token_id, 1);
  EXPECT_REFUSED("eos_token_id", "[\"x\"]", "token ids");
  EXPECT_REFUSED("eos_token_id", "512", "from -1 to 511");
}

TEST(Config, NoExpertsIsADenseModel) {
  for (const char* none : {"0", "null"}) {
    auto c = with({{"n_routed_experts", none}});
    ASSERT_TRUE(c.has_value()) << c.error().message;
    for (int layer = 0; layer < 4; ++layer) EXPECT_FALSE(c->is_moe(layer));
    EXPECT_EQ(written(*parse_config(config_json(*c), "x")), written(*c));
  }
}

TEST(Config, ErrorsNameTheKey) {
  EXPECT_EQ(refusal({{"kv_lora_rank", "-1"}}),
            "config.json: 'kv_lora_rank' must be a whole number from 1 to 131072, not -1");
  EXPECT_REFUSED("hidden_size", "\"64\"", "'hidden_size' must be a whole number");
  EXPECT_REFUSED("hidden_size", "1e9", "'hidden_size' must be a whole number");
  EXPECT_REFUSED("hidden_size", "64.5", "'hidden_size' must be a whole number");
  EXPECT_REFUSED("hidden_size", "[1]", "not a list");
  EXPECT_REFUSED("num_hidden_layers", "0", "from 1 to 1024");
  EXPECT_REFUSED("rms_norm_eps", "0", "'rms_norm_eps' must be a number");
  EXPECT_REFUSED("tie_word_embeddings", "1", "true or false");
  EXPECT_REFUSED("scoring_func", "3", "must be a string");
  EXPECT_REFUSED("qk_rope_head_dim", "7", "even");
  EXPECT_REFUSED("rope_scaling", "3", "must be an object");
}

TEST(Config, UnsupportedFeaturesAreNamed) {
  EXPECT_REFUSED("model_type", "\"deepseek_v5\"", "'deepseek_v5' is not supported: only deepseek,");
  EXPECT_REFUSED("model_type", "7", "'model_type' must be a string");
  EXPECT_NE(parse("{}").error().message.find("'model_type' is missing"), std::string::npos);
  EXPECT_NE(parse("[]").error().message.find("must be a JSON object"), std::string::npos);
  EXPECT_REFUSED("hidden_act", "\"gelu\"", "'gelu' is not supported");
  EXPECT_REFUSED("attention_bias", "true", "'attention_bias' is not supported");
  EXPECT_REFUSED("scoring_func", "\"tanh\"", "'tanh' is not supported");
  EXPECT_REFUSED("topk_method", "\"random\"", "'random' is not supported");
  EXPECT_REFUSED("rope_scaling", R"({"type": "dynamic", "factor": 2})",
                 "'dynamic' is not supported: only default, linear, yarn, llama3 and longrope are");
  EXPECT_REFUSED("rope_scaling", R"({"type": "yarn"})", "'factor' is missing");
  EXPECT_REFUSED("rope_scaling", R"({"type": "yarn", "factor": 4, "truncate": false})",
                 "'truncate'");
  EXPECT_REFUSED("rope_parameters", R"({"full_attention": {"rope_type": "default"}})",
                 "differs between kinds of layers ('full_attention')");
  EXPECT_REFUSED("rope_parameters", R"({"rope_type": "default", "partial_rotary_factor": 0.5})",
                 "'partial_rotary_factor'");
}

TEST(Config, CombinationsAreChecked) {
  EXPECT_REFUSED("n_group", "3", "multiple of 'n_group'");
  EXPECT_REFUSED("topk_group", "5", "'topk_group' must be from 1 to 4");
  EXPECT_REFUSED("n_group", "512", "'n_group' must be a whole number from 1 to 256");
  EXPECT_REFUSED("n_group", "8", "at least two experts");
  ModelConfig grouped = *preset("deepseek-v3");
  grouped.n_routed_experts = 1024;
  grouped.n_group = 512;  // more groups than routing can rank
  EXPECT_NE(validate(grouped).error().message.find("'n_group' must be from 1 to 256"),
            std::string::npos);
  EXPECT_REFUSED("num_experts_per_tok", "9", "from 1 to 8");
  EXPECT_REFUSED("num_experts_per_tok", "5", "must not exceed the 4 experts");
  EXPECT_REFUSED("scoring_func", "\"softmax\"", "'noaux_tc' goes with");
  EXPECT_TRUE(with({{"topk_method", "\"greedy\""}, {"scoring_func", "\"softmax\""}}).has_value());
  auto gqa = parse(R"({"model_type": "llama", "vocab_size": 10, "hidden_size": 48,
    "num_hidden_layers": 1, "num_attention_heads": 6, "num_key_value_heads": 4,
    "intermediate_size": 8})");
  ASSERT_FALSE(gqa.has_value());
  EXPECT_NE(gqa.error().message.find("multiple of 'num_key_value_heads'"), std::string::npos);
}

TEST(Config, GreedyIgnoresGroups) {
  auto c = with({{"topk_method", "\"greedy\""}});
  ASSERT_TRUE(c.has_value());
  EXPECT_EQ(c->group_kind, GroupKind::none);
  EXPECT_EQ(c->n_group, 1);
  EXPECT_FALSE(c->has_gate_bias);
}

TEST(Config, EveryPresetSurvivesWritingAndReading) {
  for (const std::string& name : preset_names()) {
    auto c = preset(name);
    ASSERT_TRUE(c.has_value());
    EXPECT_TRUE(validate(*c).has_value()) << name << ": " << validate(*c).error().message;
    std::string text = written(*c);
    auto again = parse(text);
    ASSERT_TRUE(again.has_value()) << name << ": " << again.error().message;
    EXPECT_EQ(written(*again), text) << name;
    EXPECT_EQ(again->softmax_scale(), c->softmax_scale()) << name;
  }
}

TEST(Config, PresetsOfDeepSeekHaveShortNames) {
  for (const char* name : {"v2-lite", "v2", "v3", "v3.1", "v3.2", "r1", "moe-16b"})
    EXPECT_EQ(written(*preset(name)), written(*preset(std::string("deepseek-") + name))) << name;
}

TEST(Config, UnknownPresetIsAnswered) {
  EXPECT_EQ(
      preset("deepseek-v9").error().message.find("no model is named 'deepseek-v9'; did you mean"),
      0u);
  EXPECT_NE(preset("something else").error().message.find("the names are deepseek-moe-16b,"),
            std::string::npos);
}

}  // namespace
}  // namespace weir
