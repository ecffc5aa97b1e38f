// What a checkpoint does where its configuration and its files say different things. The logits of
// such folders are compared with transformers' in parity_test.cpp.
#include "checkpoint/checkpoint.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include "base/atomic_output.h"
#include "base/file.h"
#include "checkpoint/gguf_names.h"
#include "config/config_notes.h"
#include "model/model.h"

namespace weir {
namespace {

class Checkpoints : public ::testing::Test {
 protected:
  void SetUp() override { ASSERT_TRUE(make_directories(folder_)); }
  void TearDown() override { (void)remove_all(folder_); }
  static std::string golden(const std::string& family) {
    return std::string(WEIR_SOURCE_DIR) + "/src/model/testdata/" + family;
  }
  // A copy of a golden model; `keep` says which tensors, `name` what they are called.
  using Rename = std::function<std::string(const std::string&)>;  // "": left out
  void copy(const std::string& family, const Rename& rename) {
    const auto opened = SafetensorsFolder::open(golden(family));
    ASSERT_TRUE(opened);
    std::vector<TensorSource> sources;
    for (const std::string& name : opened->names()) {
      const auto found = opened->find(name);
      if (const std::string kept = rename(name); !kept.empty())
        sources.push_back({kept, found->info->dtype, found->info->shape, found->bytes()});
    }
    ASSERT_TRUE(write_safetensors(folder_ + "/model.safetensors", sources, {}));
    put("config.json", *read_file(golden(family) + "/config.json"));
  }
  void put(const std::string& name, const std::string& text) {
    ASSERT_TRUE(write_file_atomic(join_path(folder_, name), text));
  }
  void set(const char* key, Json value) {
    Json config = *read_json_file(join_path(folder_, "config.json"));
    config.set(key, std::move(value));
    put("config.json", config.dump());
  }
  static std::string same(const std::string& name) { return name; }
  std::string folder_ = ::testing::TempDir() + "weir_checkpoint_" + std::to_string(getpid());
};

TEST_F(Checkpoints, F6AHeadThatDiffersFromTheEmbeddingIsUsed) {
  const auto own = Checkpoint::open(golden("qwen2_own_head"));
  ASSERT_TRUE(own) << own.error().message;
  EXPECT_FALSE((*own)->config().tie_word_embeddings);
  ASSERT_EQ((*own)->notes().size(), 1u);
  EXPECT_NE((*own)->notes()[0].find("lm_head.weight differs from the embedding"),
            std::string::npos);
  // Training states its configuration itself, and gets an error instead of another head.
  auto config = read_config(golden("qwen2_own_head") + "/config.json");
  ASSERT_TRUE(config && config->tie_word_embeddings);
  const auto stated = Model::create(*config, true);
  const auto loaded = load_weights(*stated, golden("qwen2_own_head"));
  ASSERT_FALSE(loaded);
  EXPECT_NE(loaded.error().message.find("'tie_word_embeddings'"), std::string::npos);
}

TEST_F(Checkpoints, F6AHeadThatRepeatsTheEmbeddingIsTied) {
  const auto opened = SafetensorsFolder::open(golden("qwen2"));
  const auto found = opened->find("model.embed_tokens.weight");
  std::vector<TensorSource> sources;
  for (const std::string& name : opened->names()) {
    const auto each = opened->find(name);
    sources.push_back({name, each->info->dtype, each->info->shape, each->bytes()});
  }
  sources.push_back({"lm_head.weight", found->info->dtype, found->info->shape, found->bytes()});
  ASSERT_TRUE(write_safetensors(folder_ + "/model.safetensors", sources, {}));
  put("config.json", *read_file(golden("qwen2") + "/config.json"));
  const auto tied = Checkpoint::open(folder_);
  ASSERT_TRUE(tied) << tied.error().message;
  EXPECT_TRUE((*tied)->config().tie_word_embeddings);
  EXPECT_TRUE((*tied)->notes().empty());
  EXPECT_TRUE((*tied)->unexpected().empty());
}

TEST_F(Checkpoints, F9AModuleOfWhichNothingIsThereIsLeftOut) {
  const auto opened = Checkpoint::open(golden("deepseek_v3_no_mtp"));
  ASSERT_TRUE(opened) << opened.error().message;
  EXPECT_EQ((*opened)->config().num_nextn_predict_layers, 0);
  ASSERT_EQ((*opened)->notes().size(), 1u);
  EXPECT_NE((*opened)->notes()[0].find("'num_nextn_predict_layers' is 1"), std::string::npos);
}

TEST_F(Checkpoints, F9AModuleOfWhichSomeTensorsAreThereIsAnError) {
  copy("deepseek_v3_no_mtp", [](const std::string& name) {
    // Layer 2 is the module's; one gain of it remains.
    return name == "model.layers.1.input_layernorm.weight" ? "model.layers.2.input_layernorm.weight"
                                                           : name;
  });
  const auto opened = Checkpoint::open(folder_);
  ASSERT_TRUE(opened);
  EXPECT_EQ((*opened)->config().num_nextn_predict_layers, 1);
  const auto loaded = load_model(folder_, false);
  ASSERT_FALSE(loaded);
  EXPECT_NE(loaded.error().message.find("is missing"), std::string::npos);
}

TEST_F(Checkpoints, F14AnFsdpPrefixIsDropped) {
  copy("qwen2", same);
  Json names = Json::array();
  names.push("FSDPQwen2ForCausalLM");
  set("architectures", std::move(names));
  EXPECT_TRUE(Checkpoint::open(folder_));
}

TEST_F(Checkpoints, F17ABrokenGenerationConfigIsNamed) {
  copy("qwen2", same);
  const std::pair<const char*, const char*> kBroken[] = {
      {"{\"eos_token_id\": [1, 2", "line 1"},
      {"[]", "must be a JSON object"},
      {R"({"eos_token_id": "</s>"})", "'eos_token_id' must be a token id"},
      {R"({"eos_token_id": [1, -2]})", "'eos_token_id' must be a token id"},
      {R"({"eos_token_id": 1.5})", "'eos_token_id' must be a token id"}};
  for (const auto& [text, words] : kBroken) {
    put("generation_config.json", text);
    const auto opened = Checkpoint::open(folder_);
    ASSERT_TRUE(opened) << text;
    ASSERT_EQ((*opened)->notes().size(), 1u) << text;
    EXPECT_NE((*opened)->notes()[0].find("generation_config.json: "), std::string::npos);
    EXPECT_NE((*opened)->notes()[0].find(words), std::string::npos) << (*opened)->notes()[0];
  }
  for (const char* good : {"{}", R"({"eos_token_id": null})", R"({"eos_token_id": [1, 2]})"}) {
    put("generation_config.json", good);
    EXPECT_TRUE((*Checkpoint::open(folder_))->notes().empty()) << good;
  }
}

TEST_F(Checkpoints, F49FusedExpertsOfWrongShapesAreNamed) {
  const auto opened = SafetensorsFolder::open(golden("deepseek_v3_fused"));
  ASSERT_TRUE(opened);
  for (const std::vector<uint64_t>& shape :
       {std::vector<uint64_t>{4, 32, 24}, {4 * 24, 32}, {2, 48, 32}}) {
    std::vector<TensorSource> sources;
    for (const std::string& name : opened->names()) {
      const auto found = opened->find(name);
      const bool is_fused = name.ends_with(".gate_up_proj");
      sources.push_back(
          {name, found->info->dtype, is_fused ? shape : found->info->shape, found->bytes()});
    }
    ASSERT_TRUE(write_safetensors(folder_ + "/model.safetensors", sources, {}));
    put("config.json", *read_file(golden("deepseek_v3_fused") + "/config.json"));
    const auto loaded = load_model(folder_, false);
    ASSERT_FALSE(loaded);
    EXPECT_NE(loaded.error().message.find("mlp.experts.gate_up_proj'"), std::string::npos)
        << loaded.error().message;
  }
}

// Amplitudes by transformers 5.23 (DeepseekV3RotaryEmbedding.attention_scaling, factor 40, mscale
// and mscale_all_dim as given) and by DeepSeek's modeling_deepseek.py.
TEST(ConfigNotes, F48YarnThatTransformersReadsOtherwiseIsToldOf) {
  const auto note = [](const std::string& keys) {
    auto json = parse_json(
        R"({"model_type": "deepseek_v3", "vocab_size": 100, "hidden_size": 64,
            "num_hidden_layers": 4, "num_attention_heads": 4, "intermediate_size": 128,
            "max_position_embeddings": 4096, "rope_scaling": {"type": "yarn", "factor": 40,
            "original_max_position_embeddings": 128)" +
        keys + "}}");
    EXPECT_TRUE(json);
    auto config = parse_config(*json, "config.json");
    EXPECT_TRUE(config) << (config ? "" : config.error().message);
    const auto notes = config_notes(*json, *config);
    return notes.empty() ? "" : notes[0];
  };
  EXPECT_EQ(note(R"(, "mscale": 1.0, "mscale_all_dim": 1.0)"), "");
  EXPECT_EQ(note(R"(, "mscale": 0.707, "mscale_all_dim": 0.707)"), "");
  EXPECT_EQ(note(R"(, "mscale": 1, "mscale_all_dim": 0)"), "") << "1.36889 in both";
  EXPECT_EQ(note(R"(, "mscale": 1)"), "");
  EXPECT_EQ(note(""), "");
  EXPECT_EQ(note(R"(, "mscale": 0.5, "mscale_all_dim": 1)"), "") << "0.86526 in both";
  const std::string all = note(R"(, "mscale_all_dim": 1)");
  EXPECT_NE(all.find("'mscale' absent"), std::string::npos) << all;
  EXPECT_NE(all.find("multiplied by 1.0000,"), std::string::npos) << all;
  EXPECT_NE(all.find("transformers multiplies them by 1.3689"), std::string::npos) << all;
  const std::string half = note(R"(, "mscale": 0.707)");
  EXPECT_NE(half.find("multiplied by 1.2608,"), std::string::npos) << half;
  EXPECT_NE(half.find("transformers multiplies them by 1.3689"), std::string::npos) << half;
}

}  // namespace
}  // namespace weir
