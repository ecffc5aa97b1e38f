// Configurations in GGUF metadata: read back, and whatever a hostile file may say instead.
#include "config/gguf_config.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <cmath>
#include <functional>

#include "checkpoint/checkpoint.h"
#include "checkpoint/gguf_names.h"
#include "model/model.h"

namespace weir {
namespace {

// Files of a tiny model whose metadata and tensors a test may change first.
class GgufModel : public ::testing::Test {
 protected:
  void SetUp() override { ASSERT_TRUE(make_directories(folder_)); }
  void TearDown() override { (void)remove_all(folder_); }

  static ModelConfig tiny(const std::string& family) {
    auto config = read_config(std::string(WEIR_SOURCE_DIR) + "/src/model/testdata/" + family +
                              "/config.json");
    EXPECT_TRUE(config) << (config ? "" : config.error().message);
    return *config;
  }
  using Change = std::function<void(GgufMetadata&, std::vector<GgufWriter::Tensor>&)>;
  // Zeros under the names of the configuration's tensors, kv_b in one.
  std::string write(const ModelConfig& config, const Change& change) {
    GgufMetadata metadata;
    EXPECT_TRUE(write_gguf_config(config, metadata));
    std::vector<GgufWriter::Tensor> tensors;
    for (const TensorShape& tensor : all_tensors(config)) {
      std::vector<uint64_t> shape = tensor.shape;
      if (tensor.copies > 1) shape.insert(shape.begin(), uint64_t(tensor.copies));
      tensors.push_back({gguf_name(tensor.name), WeightType::f32, shape});
    }
    change(metadata, tensors);
    const std::string path = folder_ + "/model.gguf";
    auto writer = GgufWriter::create(path, metadata, tensors);
    EXPECT_TRUE(writer) << (writer ? "" : writer.error().message);
    if (!writer) return path;
    for (const GgufWriter::Tensor& tensor : tensors) {
      size_t count = 1;
      for (uint64_t dimension : tensor.shape) count *= dimension;
      EXPECT_TRUE(writer->write(std::vector<std::byte>(type_bytes(tensor.type, count))));
    }
    EXPECT_TRUE(writer->finish());
    return path;
  }
  static Result<std::unique_ptr<Model>> load(const std::string& path) {
    return load_model(path, false);
  }
  // One sentence that names the file, or success; nothing else.
  static void expect_sentence(const Result<std::unique_ptr<Model>>& result,
                              const std::string& what) {
    if (result) return;
    EXPECT_NE(result.error().message.find("model.gguf"), std::string::npos)
        << what << ": " << result.error().message;
    EXPECT_EQ(result.error().message.find('\n'), std::string::npos) << what;
  }
  std::string folder_ = ::testing::TempDir() + "weir_gguf_config_" + std::to_string(getpid());
};

constexpr const char* kFamilies[] = {"deepseek", "deepseek_v2", "deepseek_v3", "deepseek_v32",
                                     "qwen2",    "qwen3",       "llama",       "qwen2_yarn",
                                     "mistral4", "glm_moe_dsa"};

TEST_F(GgufModel, EveryFamilyIsReadBack) {
  for (const char* family : kFamilies) {
    const ModelConfig config = tiny(family);
    auto loaded = load(write(config, [](auto&, auto&) {}));
    ASSERT_TRUE(loaded) << family << ": " << loaded.error().message;
    ModelConfig found = (*loaded)->config();
    // Llama 3's scaling is a tensor, which these files lack (convert_test has it).
    if (config.rope.scaling == RopeScaling::llama3) found.rope = config.rope;
    found.rope.interleaved = config.rope.interleaved;
    found.initializer_range = config.initializer_range;
    found.bos_token_id = config.bos_token_id;
    found.eos_token_id = config.eos_token_id;
    EXPECT_EQ(config_json(found).dump(), config_json(config).dump());
  }
}

// Every whole number of the metadata as every nonsense.
TEST_F(GgufModel, Vuln12And22NonsenseForEveryNumberIsOneSentence) {
  using Width = GgufMetadata::Width;
  const std::pair<int64_t, Width> kNonsense[] = {{0, Width::u32},
                                                 {-1, Width::i32},
                                                 {1, Width::u32},
                                                 {513, Width::u32},
                                                 {100'000, Width::u32},
                                                 {int64_t(1) << 31, Width::u32},
                                                 {int64_t(1) << 62, Width::i64}};
  for (const char* family : {"deepseek_v3", "qwen2"}) {
    const ModelConfig config = tiny(family);
    GgufMetadata honest;
    ASSERT_TRUE(write_gguf_config(config, honest));
    int refused = 0, tried = 0;
    for (const GgufMetadata::Entry& entry : honest.entries()) {
      if (!std::holds_alternative<int64_t>(entry.value)) continue;
      for (auto [value, width] : kNonsense) {
        auto loaded = load(write(
            config, [&](GgufMetadata& metadata, auto&) { metadata.set(entry.key, value, width); }));
        expect_sentence(loaded, entry.key + " = " + std::to_string(value));
        ++tried;
        refused += !loaded;
      }
    }
    EXPECT_GT(refused, tried / 2) << "most of these do not fit the tensors";
  }
}

TEST_F(GgufModel, Vuln13AnotherKindForEveryKeyIsOneSentence) {
  const ModelConfig config = tiny("deepseek_v3");
  GgufMetadata honest;
  ASSERT_TRUE(write_gguf_config(config, honest));
  const GgufValue kOthers[] = {true,
                               1.5,
                               std::nan(""),
                               std::string("x"),
                               std::vector<int64_t>{1, 2},
                               std::vector<std::string>{"a"},
                               std::vector<double>{}};
  for (const GgufMetadata::Entry& entry : honest.entries())
    for (const GgufValue& other : kOthers) {
      auto loaded = load(
          write(config, [&](GgufMetadata& metadata, auto&) { metadata.set(entry.key, other); }));
      expect_sentence(loaded, entry.key);
    }
}

TEST_F(GgufModel, TensorsThatAreMissingOrShapedOtherwiseAreNamed) {
  const ModelConfig config = tiny("deepseek_v3");
  for (size_t i = 0;; i += 5) {
    bool is_past = false;
    std::string name;
    auto loaded = load(write(config, [&](GgufMetadata&, std::vector<GgufWriter::Tensor>& tensors) {
      is_past = i >= tensors.size();
      if (is_past) return;
      name = tensors[i].name;
      if (i % 2 == 0)
        tensors.erase(tensors.begin() + ptrdiff_t(i));
      else
        tensors[i].shape.back() += 1;
    }));
    if (is_past) break;
    if (name == "output.weight") continue;  // without a head it is a tied model
    ASSERT_FALSE(loaded) << name;
    expect_sentence(loaded, name);
    EXPECT_NE(loaded.error().message.find(name), std::string::npos) << loaded.error().message;
  }
}

TEST_F(GgufModel, RotarySettingsAreCarriedOrRefused) {
  ModelConfig config = tiny("qwen2_yarn");
  config.rope.attention_factor = 1.25;
  auto loaded = load(write(config, [](auto&, auto&) {}));
  ASSERT_TRUE(loaded) << loaded.error().message;
  EXPECT_NEAR((*loaded)->config().rope.attention_factor, 1.25, 1e-6);
  GgufMetadata metadata;
  config = tiny("deepseek_v3");
  config.rope.mscale = 0.5;
  EXPECT_FALSE(write_gguf_config(config, metadata));
  config = tiny("llama");
  config.rope.low_frequency_factor = 2;
  EXPECT_FALSE(write_gguf_config(config, metadata));
}

// As llama.cpp reads them: linear where no type is stated.
TEST_F(GgufModel, F8AFactorWithoutATypeIsLinear) {
  const ModelConfig config = tiny("qwen2");
  const auto rope_of = [&](const Change& change) {
    auto loaded = load(write(config, change));
    EXPECT_TRUE(loaded) << (loaded ? "" : loaded.error().message);
    return loaded ? (*loaded)->config().rope : RopeConfig();
  };
  for (const char* key : {"qwen2.rope.scaling.factor", "qwen2.rope.scale_linear"}) {
    const RopeConfig rope = rope_of([&](auto& metadata, auto&) { metadata.set(key, 4.0); });
    EXPECT_EQ(rope.scaling, RopeScaling::linear) << key;
    EXPECT_EQ(rope.factor, 4) << key;
  }
  for (double nothing : {0.0, 1.0})
    EXPECT_EQ(rope_of([&](auto& metadata, auto&) {
                metadata.set("qwen2.rope.scaling.factor", nothing);
              }).scaling,
              RopeScaling::none);
  EXPECT_EQ(rope_of([&](auto& metadata, auto&) {
              metadata.set("qwen2.rope.scaling.type", std::string("none"));
              metadata.set("qwen2.rope.scaling.factor", 4.0);
            }).scaling,
            RopeScaling::none);
}

TEST_F(GgufModel, GroupsAreFilledInOnlyWhereNothingIsSaid) {
  ModelConfig config = tiny("deepseek_v3_plain");
  config.num_hidden_layers = 61;
  config.n_routed_experts = 256;
  auto said = load(write(config, [](auto&, auto&) {}));
  ASSERT_TRUE(said) << said.error().message;
  EXPECT_EQ((*said)->config().n_group, 1);
  auto older = load(write(config, [](GgufMetadata& metadata, auto&) {
    GgufMetadata without;
    for (const GgufMetadata::Entry& entry : metadata.entries())
      if (entry.key.find("expert_group") == std::string::npos)
        without.set(entry.key, entry.value, entry.width);
    metadata = without;
  }));
  ASSERT_TRUE(older) << older.error().message;
  EXPECT_EQ((*older)->config().n_group, 8);
  EXPECT_EQ((*older)->config().topk_group, 4);
}

TEST_F(GgufModel, ArchitecturesThatAreNotSupportedAreNamed) {
  auto loaded = load(write(tiny("qwen2"), [](GgufMetadata& metadata, auto&) {
    metadata.set("general.architecture", std::string("mamba"));
  }));
  ASSERT_FALSE(loaded);
  EXPECT_NE(loaded.error().message.find("'mamba' is not supported: only llama, qwen2"),
            std::string::npos)
      << loaded.error().message;
}

TEST_F(GgufModel, RotaryTablesAreBounded) {
  auto loaded = load(write(tiny("qwen2"), [](GgufMetadata& metadata, auto&) {
    metadata.set("qwen2.context_length", int64_t(134'000'000));
  }));
  ASSERT_FALSE(loaded);
  EXPECT_NE(loaded.error().message.find("rotary tables"), std::string::npos)
      << loaded.error().message;
}

TEST(GgufNames, PatternsAndExpertsAgree) {
  EXPECT_EQ(gguf_name("model.layers.3.mlp.experts.{}.up_proj.weight"), "blk.3.ffn_up_exps.weight");
  EXPECT_EQ(gguf_name("model.layers.3.mlp.experts.17.up_proj.weight"), "blk.3.ffn_up_exps.weight");
  EXPECT_EQ(gguf_name("model.layers.3.mlp.gate.e_score_correction_bias"), "blk.3.exp_probs_b.bias");
  EXPECT_EQ(gguf_name("model.layers.x.mlp.gate.weight"), "");
  EXPECT_EQ(gguf_name("model.layers.3.vision.weight"), "");
  EXPECT_EQ(gguf_name("model.layers."), "");
  EXPECT_EQ(split_expert_name("model.layers.3.mlp.experts.17.up_proj.weight").expert, 17);
  EXPECT_EQ(split_expert_name("model.layers.3.mlp.experts.99999999999.up_proj.weight").expert, -1);
  EXPECT_EQ(expert_name(split_expert_name("model.layers.3.mlp.experts.17.x.weight").pattern, 4),
            "model.layers.3.mlp.experts.4.x.weight");
  for (const char* family : kFamilies)
    for (const TensorShape& tensor : all_tensors(*read_config(
             std::string(WEIR_SOURCE_DIR) + "/src/model/testdata/" + family + "/config.json")))
      EXPECT_NE(gguf_name(tensor.name), "") << tensor.name;
}

}  // namespace
}  // namespace weir
