// Models from folders to GGUF files and back, whole.
#include <gtest/gtest.h>

#include <algorithm>

#include "base/atomic_output.h"
#include "base/sha256.h"
#include "formats/safetensors.h"
#include "testing/convert_fixture.h"

namespace weir {
namespace {

// Names, types, shapes and bytes of a folder's tensors, for comparison.
std::map<std::string, std::string> tensors_of(const std::string& folder) {
  std::map<std::string, std::string> tensors;
  auto opened = SafetensorsFolder::open(folder);
  EXPECT_TRUE(opened) << (opened ? "" : opened.error().message);
  if (!opened) return tensors;
  for (const std::string& name : opened->names()) {
    auto found = opened->find(name);
    std::string text = found->info->dtype;
    for (uint64_t dimension : found->info->shape) text += " " + std::to_string(dimension);
    text.append(reinterpret_cast<const char*>(found->bytes().data()), found->bytes().size());
    tensors[name] = text;
  }
  return tensors;
}

class RoundTrip : public ConvertTest, public ::testing::WithParamInterface<const char*> {};

TEST_P(RoundTrip, ThroughGgufKeepsEveryBit) {
  const std::string from = golden_model(GetParam());
  auto there = convert_to(from, path("model.gguf"));
  ASSERT_TRUE(there) << there.error().message;
  auto back = convert_to(path("model.gguf"), path("back"));
  ASSERT_TRUE(back) << back.error().message;
  EXPECT_EQ(tensors_of(path("back")), tensors_of(from));
  auto before = read_config(from + "/config.json"), after = read_config(path("back/config.json"));
  ASSERT_TRUE(after) << after.error().message;
  // GGUF has no word for how weights began, nor for Kimi-K2's name of DeepSeek-V3's architecture.
  after->initializer_range = before->initializer_range;
  if (before->model_type == "kimi_k2") before->model_type = "deepseek_v3";
  EXPECT_EQ(config_json(*before).dump(), config_json(*after).dump());
}

TEST_P(RoundTrip, GgufGivesTheSameLogits) {
  const std::string from = golden_model(GetParam());
  auto there = convert_to(from, path("model.gguf"));
  ASSERT_TRUE(there) << there.error().message;
  // Permuted rows of q and k add in another order; everything else is the same computation.
  EXPECT_LT(difference(logits(from), logits(path("model.gguf"))), 2e-6);
}

INSTANTIATE_TEST_SUITE_P(Families, RoundTrip,
                         ::testing::Values("deepseek", "deepseek_v2", "deepseek_v2_groups",
                                           "deepseek_v3", "deepseek_v3_plain", "kimi_k2",
                                           "deepseek_v32", "qwen2", "qwen2_yarn", "qwen3", "llama",
                                           "llama_linear"),
                         [](const auto& family) { return std::string(family.param); });

// DeepSeek-V4, whose tables of experts are whole numbers there. Kept and quantized.
TEST_F(ConvertTest, CompressedModelsGoToGguf) {
  for (const char* family : {"deepseek_v4", "deepseek_v4_plain", "deepseek_v4_fp8"}) {
    const std::string from = golden_model(family), to = path(std::string(family) + ".gguf");
    auto there = convert_to(from, to);
    ASSERT_TRUE(there) << there.error().message;
    EXPECT_LT(difference(logits(from), logits(to)), 2e-6) << family;
    const auto file = GgufFile::open(to);
    ASSERT_TRUE(file);
    EXPECT_NE(file->find("blk.0.hc_attn_fn.weight"), nullptr);
    // Rounded weights may choose other experts and entries, so logits are compared with those of
    // the rounded numbers.
    const std::string rounded = path(family) + "_q8.gguf", decoded = path(family) + "_f32.gguf";
    auto again = convert_to(to, rounded, "q8_0");
    ASSERT_TRUE(again) << again.error().message;
    ASSERT_TRUE(convert_to(rounded, decoded, "f32"));
    EXPECT_LT(difference(logits(decoded), logits(rounded)), 1e-5) << family;
  }
  auto back = convert_to(path("deepseek_v4.gguf"), path("back"));
  ASSERT_FALSE(back);
  EXPECT_NE(back.error().message.find("converted to GGUF files alone"), std::string::npos);
}

TEST_F(ConvertTest, NarrowFloatsSurviveTheRoundTripWithTheirNorms) {
  for (const char* type : {"bf16", "f16"})
    for (const char* family : {"deepseek_v3_plain", "qwen2", "llama"}) {
      const std::string narrow = path(std::string(family) + type);
      auto made = convert_to(golden_model(family), narrow, type);
      ASSERT_TRUE(made) << made.error().message;
      auto there = convert_to(narrow, narrow + ".gguf");
      ASSERT_TRUE(there) << there.error().message;
      auto back = convert_to(narrow + ".gguf", narrow + "_back");
      ASSERT_TRUE(back) << back.error().message;
      EXPECT_EQ(tensors_of(narrow + "_back"), tensors_of(narrow)) << family << " " << type;
    }
}

TEST_F(ConvertTest, QuantizedWeightsAreUsedAsTheyAre) {
  for (const char* type : {"q8_0", "q4_k_m", "q5_1", "iq4_nl", "bf16"})
    for (const char* family : {"deepseek_v3", "qwen2"}) {
      const std::string stored = path(std::string(family) + type + ".gguf");
      ASSERT_TRUE(convert_to(golden_model(family), stored, type));
      const std::string decoded = path(std::string(family) + type);
      ASSERT_TRUE(convert_to(stored, decoded, "f32"));
      EXPECT_LT(difference(logits(decoded), logits(stored)), 1e-5) << family << " " << type;
      EXPECT_GT(difference(logits(golden_model(family)), logits(stored)), 1e-4)
          << "or nothing was quantized";
    }
}

TEST_F(ConvertTest, SplitFilesHoldTheSameModel) {
  const std::string from = golden_model("deepseek_v3");
  auto split = convert_to(from, path("split.gguf"), "", 40'000);
  ASSERT_TRUE(split) << split.error().message;
  ASSERT_GT(split->files.size(), 2u);
  EXPECT_TRUE(same_bits(logits(split->files[0]), logits(from)));
  ASSERT_TRUE(convert_to(split->files[0], path("merged.gguf")));
  ASSERT_TRUE(convert_to(from, path("whole.gguf")));
  EXPECT_EQ(*sha256_file(path("merged.gguf")), *sha256_file(path("whole.gguf")));
  auto shards = convert_to(from, path("shards"), "", 40'000);
  ASSERT_TRUE(shards) << shards.error().message;
  EXPECT_GT(shards->files.size(), 3u);
  EXPECT_EQ(tensors_of(path("shards")), tensors_of(from));
}

TEST_F(ConvertTest, ReportsTheErrorOfEveryTensor) {
  ASSERT_TRUE(convert_to(golden_model("qwen2"), path("q.gguf"), "q8_0"));
  const auto is_norm = [](const TensorReport& r) {
    return r.name.find("norm") != std::string::npos || r.name.find("bias") != std::string::npos;
  };
  ASSERT_EQ(listener_.reports.size(), 38u);
  for (const TensorReport& report : listener_.reports)
    if (is_norm(report))
      EXPECT_EQ(report.relative_error, 0) << report.name;
    else
      EXPECT_TRUE(report.relative_error > 1e-4 && report.relative_error < 0.02)
          << report.name << " " << report.relative_error;
}

TEST_F(ConvertTest, ThreadsChangeNoByte) {
  ThreadPool one(1), four(4);
  std::vector<std::string> hashes;
  for (ThreadPool* pool : {&one, &four}) {
    ConvertRequest request;
    request.from = golden_model("deepseek_v3");
    request.to = path("q.gguf");
    request.type = "q4_k_m";
    request.overwrites = true;
    ASSERT_TRUE(convert(request, *pool, listener_));
    hashes.push_back(*sha256_file(path("q.gguf")));
  }
  EXPECT_EQ(hashes[0], hashes[1]);
}

TEST_F(ConvertTest, RandomModelsOfEveryTypeRun) {
  const std::string like = path("config.json");
  auto config = read_config(golden_model("deepseek_v3") + "/config.json");
  config->vocab_size = 300;
  ASSERT_TRUE(write_file_atomic(like, config_json(*config).dump()));
  for (const char* name : {"r.gguf", "folder", "f8"}) {
    const char* type = name[0] == 'r' ? "q8_0" : name[1] == '8' ? "f8_e4m3" : "bf16";
    auto made = random_to(like, path(name), type);
    ASSERT_TRUE(made) << made.error().message;
    const std::vector<float> scores = logits(path(name));
    EXPECT_TRUE(
        std::all_of(scores.begin(), scores.end(), [](float x) { return std::isfinite(x); }));
    EXPECT_NE(*std::max_element(scores.begin(), scores.end()),
              *std::min_element(scores.begin(), scores.end()));
  }
  // FP8 becomes bf16 elsewhere, unless f32 is asked for.
  ASSERT_TRUE(convert_to(path("f8"), path("f8.gguf"), "f32"));
  EXPECT_LT(difference(logits(path("f8")), logits(path("f8.gguf"))), 1e-5);
  ASSERT_TRUE(convert_to(path("f8"), path("f8_f32"), "f32"));
  EXPECT_LT(difference(logits(path("f8")), logits(path("f8_f32"))), 1e-5);
  ASSERT_TRUE(convert_to(path("f8"), path("f8_bf16")));
  for (const TensorReport& report : listener_.reports)
    EXPECT_TRUE(report.to == WeightType::bf16 || report.to == WeightType::f32) << report.name;
  EXPECT_FALSE(SafetensorsFolder::open(path("f8_bf16"))
                   ->has("model.layers.0.self_attn.o_proj.weight_scale_inv"));
}

}  // namespace
}  // namespace weir
