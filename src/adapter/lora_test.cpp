// Adapters as files of PEFT and of llama.cpp, and what is refused.
#include "adapter/lora.h"

#include <gtest/gtest.h>
#include <cmath>
#include <set>

#include "adapter/adapter_folder.h"
#include "adapter/peft.h"
#include "base/atomic_output.h"
#include "base/file.h"
#include "formats/gguf.h"
#include "formats/safetensors.h"
#include "testing/adapter_fixture.h"
#include "testing/training_fixture.h"

namespace weir {
namespace {

ModelConfig config_of(const std::string& family) {
  auto config =
      read_config(std::string(WEIR_SOURCE_DIR) + "/src/model/testdata/" + family + "/config.json");
  if (!config) ADD_FAILURE() << config.error().message;
  return *config;
}

std::string error_of(const Result<LoraAdapter>& read) {
  return read ? "no error" : read.error().message;
}

class Lora : public ::testing::Test {
 protected:
  std::string path(const std::string& name) const { return folder_.file(name); }
  // PEFT's folder, with keys of its configuration changed.
  std::string folder_with(const LoraAdapter& adapter, const ModelConfig& config,
                          const std::string& name, const std::string& changes) {
    EXPECT_TRUE(write_lora(path(name), adapter, config));
    const std::string file = join_path(path(name), kPeftConfig);
    Json json = *read_json_file(file);
    const Json added = *parse_json(changes);
    for (const auto& [key, value] : added.members()) json.set(key, value);
    EXPECT_TRUE(write_file_atomic(file, json.dump()));
    return path(name);
  }

  TemporaryFolder folder_;
};

TEST_F(Lora, ComesBackFromBothFormatsWithTheSameBits) {
  for (const char* family : {"qwen2", "llama", "deepseek", "deepseek_v2", "qwen3_moe"}) {
    SCOPED_TRACE(family);
    const ModelConfig config = config_of(family);
    const bool is_latent = config.attention == AttentionKind::mla;
    const LoraAdapter adapter =
        is_latent ? random_lora(config, 3, 5, {"q_proj", "kv_a_proj_with_mqa", "o_proj", "experts"})
                  : random_lora(config, 3, 5);
    const std::string peft = path(std::string(family) + "-peft"),
                      gguf = path(std::string(family) + ".gguf");
    ASSERT_TRUE(write_lora(peft, adapter, config));
    auto written = write_lora(gguf, adapter, config);
    ASSERT_TRUE(written) << written.error().message;
    const auto from_peft = read_lora(peft, config), from_gguf = read_lora(gguf, config);
    ASSERT_TRUE(from_peft) << error_of(from_peft);
    ASSERT_TRUE(from_gguf) << error_of(from_gguf);
    EXPECT_TRUE(same_numbers(adapter, *from_peft));
    EXPECT_TRUE(same_numbers(adapter, *from_gguf));
  }
}

TEST_F(Lora, RowsOfQueriesAndKeysAreInLlamasOrderInGguf) {
  const ModelConfig config = config_of("llama");
  const LoraAdapter adapter = random_lora(config, 2, 5, {"q_proj"});
  ASSERT_TRUE(write_lora(path("a.gguf"), adapter, config));
  const auto file = GgufFile::open(path("a.gguf"));
  ASSERT_TRUE(file);
  const GgufTensor* b = file->find("blk.0.attn_q.weight.lora_b");
  ASSERT_TRUE(b);
  const auto* values = reinterpret_cast<const float*>(file->data(*b).data());
  // convert_lora_to_gguf.py: rows of a head as (2, half), swapped to (half, 2): row 1 there is row
  // half here.
  const size_t half = size_t(config.head_dim) / 2;
  EXPECT_EQ(values[2], adapter.modules[0].b[2 * half]);
  EXPECT_EQ(values[2 * 2], adapter.modules[0].b[2 * 1]);
}

TEST_F(Lora, TargetsAreTheFieldsNames) {
  const ModelConfig config = config_of("deepseek_v3");
  const auto names = [&](const std::vector<std::string>& targets) {
    std::set<std::string> words;
    const auto found = lora_targets(config, targets);
    EXPECT_TRUE(found) << (found ? "" : found.error().message);
    if (found)
      for (const LoraTarget& target : *found)
        words.insert(target.name.substr(std::string("model.layers.0.").size()));
    return words;
  };
  EXPECT_EQ(names({"kv_b_proj"}), (std::set<std::string>{"self_attn.kv_b_proj"}));
  EXPECT_EQ(names({"experts"}),
            (std::set<std::string>{"mlp.experts.{}.gate_proj", "mlp.experts.{}.up_proj",
                                   "mlp.experts.{}.down_proj"}));
  EXPECT_EQ(names({"all-linear"}),
            (std::set<std::string>{
                "self_attn.q_a_proj", "self_attn.q_b_proj", "self_attn.kv_a_proj_with_mqa",
                "self_attn.kv_b_proj", "self_attn.o_proj", "mlp.gate_proj", "mlp.up_proj",
                "mlp.down_proj", "mlp.experts.{}.gate_proj", "mlp.experts.{}.up_proj",
                "mlp.experts.{}.down_proj", "mlp.shared_experts.gate_proj",
                "mlp.shared_experts.up_proj", "mlp.shared_experts.down_proj"}));
  const auto wrong = lora_targets(config, {"q_prj"});
  ASSERT_FALSE(wrong);
  EXPECT_NE(wrong.error().message.find("q_a_proj"), std::string::npos) << wrong.error().message;
}

TEST_F(Lora, ANewOneChangesNothingAndDoesNotDependOnOtherTargets) {
  const ModelConfig config = config_of("qwen2");
  const auto all = make_lora(config, {.rank = 4}, 7),
             one = make_lora(config, {.rank = 4, .targets = {"v_proj"}}, 7);
  ASSERT_TRUE(all && one);
  EXPECT_EQ(all->modules[0].scale, 2);
  for (const LoraModule& module : all->modules) {
    for (float value : module.b) ASSERT_EQ(value, 0);
    const double bound = 1 / std::sqrt(double(module.inputs));
    double square = 0;
    for (float value : module.a) {
      ASSERT_LE(std::fabs(value), bound);
      square += double(value) * double(value);
    }
    // Of a uniform distribution over +-bound: a third of bound^2.
    EXPECT_NEAR(square / double(module.a.size()) / (bound * bound), 1 / 3.0, 0.1);
    if (module.name == one->modules[0].name) {
      EXPECT_EQ(module.a, one->modules[0].a);
    }
  }
}

// peft/tuners/lora/model.py: alpha / r, with rsLoRA alpha / sqrt(r); patterns first.
TEST_F(Lora, ScalesComeFromAlphaRankAndPatterns) {
  const ModelConfig config = config_of("qwen2");
  const LoraAdapter adapter = random_lora(config, 4, 1, {"q_proj", "v_proj"});
  const std::string with = folder_with(adapter, config, "a",
                                       R"({"lora_alpha": 6, "use_rslora": true,
          "alpha_pattern": {"v_proj": 10, "layers\\.0\\..*q_proj": 8}})");
  const auto read = read_lora(with, config);
  ASSERT_TRUE(read) << error_of(read);
  for (const LoraModule& module : read->modules) {
    const bool is_v = module.name.ends_with("v_proj");
    const bool is_first = module.name.find("layers.0.") != std::string::npos;
    EXPECT_EQ(module.scale, is_v ? 5.f : is_first ? 4.f : 3.f) << module.name;
  }
}

TEST_F(Lora, AnAdapterOfAnotherBaseIsRefused) {
  const ModelConfig qwen = config_of("qwen2"), latent = config_of("deepseek_v2");
  LoraAdapter adapter = random_lora(qwen, 2, 3);
  adapter.base = "somebody/qwen";
  ASSERT_TRUE(write_lora(path("a"), adapter, qwen));
  ASSERT_TRUE(write_lora(path("a.gguf"), adapter, qwen));
  for (const char* name : {"a", "a.gguf"}) {
    const std::string error = error_of(read_lora(path(name), latent));
    EXPECT_NE(error.find("another base"), std::string::npos) << error;
  }
  EXPECT_NE(error_of(read_lora(path("a"), latent)).find("somebody/qwen"), std::string::npos);
  ModelConfig deeper = qwen;
  deeper.num_hidden_layers = 1;
  EXPECT_NE(error_of(read_lora(path("a"), deeper)).find("layers.1."), std::string::npos);
  ModelConfig wider = qwen;
  wider.intermediate_size += 2;
  EXPECT_NE(error_of(read_lora(path("a"), wider)).find("another base"), std::string::npos);
}

TEST_F(Lora, WhatHasNoPlaceIsRefusedWithAReason) {
  const ModelConfig config = config_of("qwen2");
  const LoraAdapter adapter = random_lora(config, 2, 3, {"q_proj"});
  int count = 0;
  for (const auto& [changes, reason] : std::vector<std::pair<std::string, std::string>>{
           {R"({"peft_type": "IA3"})", "'peft_type' is 'IA3'"},
           {R"({"use_dora": true})", "has 0 magnitudes"},
           {R"({"bias": "all"})", "'bias' is 'all'"},
           {R"({"modules_to_save": ["lm_head"]})", "'modules_to_save'"},
           {R"({"init_lora_weights": "pissa_niter_4"})", "pissa"},
           // peft 0.21.2: with W + s B A logits differ by 0.32 (aLoRA) and 0.11 (LoRA-GA).
           {R"({"alora_invocation_tokens": [5, 6]})", "'alora_invocation_tokens' is set"},
           {R"({"init_lora_weights": "lora_ga"})", "'lora_ga'"},
           {R"({"lora_alpha": 1e300})", "the scale of"},
           {R"({"lora_alpha": "x"})", "lora_alpha"}}) {
    const std::string folder = folder_with(adapter, config, "a" + std::to_string(count++), changes);
    const std::string error = error_of(read_lora(folder, config));
    EXPECT_NE(error.find(reason), std::string::npos) << error;
  }
  const ModelConfig latent = config_of("deepseek_v2");
  const auto split = write_lora(path("kv.gguf"), random_lora(latent, 2, 3, {"kv_b_proj"}), latent);
  ASSERT_FALSE(split);
  EXPECT_NE(split.error().message.find("merge"), std::string::npos) << split.error().message;
  EXPECT_FALSE(file_exists(path("kv.gguf")));
  const auto experts = make_lora(latent, {.dora = true}, 1);
  ASSERT_FALSE(experts);
  EXPECT_NE(experts.error().message.find("DoRA of routed experts"), std::string::npos);
  EXPECT_FALSE(read_lora(path("nothing"), config));
}

TEST_F(Lora, AFolderNamesItsBase) {
  const ModelConfig config = config_of("qwen2");
  LoraAdapter adapter = random_lora(config, 2, 3, {"q_proj"});
  adapter.base = folder_.path();
  ASSERT_TRUE(write_lora(path("a"), adapter, config));
  EXPECT_TRUE(is_adapter_folder(path("a")));
  EXPECT_FALSE(is_adapter_folder(folder_.path()));
  const auto base = base_of_adapter(path("a"));
  ASSERT_TRUE(base) << base.error().message;
  EXPECT_EQ(*base, folder_.path());
  adapter.base = "some/model-on-a-hub";
  ASSERT_TRUE(write_lora(path("b"), adapter, config));
  const auto missing = base_of_adapter(path("b"));
  ASSERT_FALSE(missing);
  EXPECT_NE(missing.error().message.find("--adapter"), std::string::npos);
}

}  // namespace
}  // namespace weir
