// Models from folders to GGUF files and back, whole.
#include <fmt/format.h>
#include <gtest/gtest.h>

#include <algorithm>

#include "base/atomic_output.h"
#include "base/sha256.h"
#include "checkpoint/checkpoint.h"
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
                                           "llama_linear", "minicpm3_longrope", "deepseek_v4_mtp"),
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
}

// And back under DeepSeek's own names, with the same numbers; a module for drafts too, whose two
// projections are one tensor there.
TEST_F(ConvertTest, CompressedModelsComeBackFromGguf) {
  for (const char* family : {"deepseek_v4", "deepseek_v4_plain", "deepseek_v4_mtp"}) {
    const std::string gguf = path(std::string(family) + ".gguf"), back = path(family);
    ASSERT_TRUE(convert_to(golden_model(family), gguf));
    auto made = convert_to(gguf, back);
    ASSERT_TRUE(made) << made.error().message;
    EXPECT_TRUE(same_bits(logits(back), logits(golden_model(family)))) << family;
    const auto files = SafetensorsFolder::open(back);
    ASSERT_TRUE(files);
    EXPECT_TRUE(files->has("layers.0.attn.wq_a.weight"));
    EXPECT_EQ(files->has("mtp.0.h_proj.weight"), std::string(family) == "deepseek_v4_mtp");
    ASSERT_TRUE(convert_to(back, gguf + "2"));
    EXPECT_EQ(*sha256_file(gguf + "2"), *sha256_file(gguf)) << family;
  }
}

// A projection of a module is read from its columns of blocks of any type.
TEST_F(ConvertTest, TheProjectionsOfAModuleAreCutApart) {
  const std::string from = golden_model("deepseek_v4_mtp");
  ASSERT_TRUE(convert_to(from, path("all.gguf"), "q8_0"));
  const auto whole = Checkpoint::open(path("all.gguf"));
  ASSERT_TRUE(whole) << whole.error().message;
  const auto config = (*whole)->config();
  ASSERT_EQ(config.num_nextn_predict_layers, 1);
  const auto original = Checkpoint::open(from);
  for (const char* part : {"e_proj", "h_proj"}) {
    const std::string name =
        fmt::format("model.layers.{}.{}.weight", config.num_hidden_layers, part);
    const auto rounded = (*whole)->find(name), exact = (*original)->find(name);
    ASSERT_TRUE(rounded) << rounded.error().message;
    ASSERT_TRUE(exact);
    std::vector<float> a(rounded->count()), b(exact->count());
    decode(*rounded, a.data());
    decode(*exact, b.data());
    EXPECT_LT(difference(b, a), 0.01) << part;
  }
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

// MiniCPM3's factors of positions, and a module for drafts.
TEST_F(ConvertTest, RandomModelsOfOtherFamiliesRun) {
  for (const char* family : {"minicpm3_longrope", "deepseek_v4_mtp"}) {
    const std::string like = path("config.json"), to = path(family) + std::string(".gguf");
    auto config = read_config(golden_model(family) + "/config.json");
    config->vocab_size = 300;
    ASSERT_TRUE(write_file_atomic(like, config_json(*config).dump()));
    auto made = random_to(like, to, "f32");
    ASSERT_TRUE(made) << made.error().message;
    const auto opened = Checkpoint::open(to);
    ASSERT_TRUE(opened) << opened.error().message;
    EXPECT_EQ((*opened)->config().rope.factors, config->rope.factors);
    EXPECT_EQ((*opened)->config().num_nextn_predict_layers, config->num_nextn_predict_layers);
    const std::vector<float> scores = logits(to);
    EXPECT_TRUE(
        std::all_of(scores.begin(), scores.end(), [](float x) { return std::isfinite(x); }));
  }
}

// GGUF has no form for DSpark's stages beside the model: they are left out, which is said.
TEST_F(ConvertTest, StagesOfDsparkStayInFolders) {
  const std::string from = golden_model("deepseek_v4_dspark");
  auto made = convert_to(from, path("m.gguf"));
  ASSERT_TRUE(made) << made.error().message;
  EXPECT_TRUE(std::any_of(made->notes.begin(), made->notes.end(), [](const std::string& note) {
    return note.find("stages of DSpark (mtp.*) are left out") != std::string::npos;
  }));
  EXPECT_EQ((*Checkpoint::open(path("m.gguf")))->config().num_nextn_predict_layers, 0);
  EXPECT_TRUE(same_bits(logits(path("m.gguf")), logits(from)));
  ASSERT_TRUE(convert_to(from, path("copy")));
  EXPECT_EQ((*Checkpoint::open(path("copy")))->config().dspark_stages(), 2);
  EXPECT_TRUE(SafetensorsFolder::open(path("copy"))->has("mtp.1.markov_head.markov_w2.weight"));
}

}  // namespace
}  // namespace weir
