// What a conversion tells its user, and what it keeps of models that are not what they say.
#include <gtest/gtest.h>

#include "base/atomic_output.h"
#include "base/json.h"
#include "formats/safetensors.h"
#include "testing/convert_fixture.h"

namespace weir {
namespace {

class ConvertNotes : public ConvertTest {
 protected:
  static std::string all(const Result<ConvertResult>& result) {
    EXPECT_TRUE(result) << (result ? "" : result.error().message);
    std::string notes;
    if (result)
      for (const std::string& note : result->notes) notes += note + "\n";
    return notes;
  }
  static bool has(const std::string& text, const std::string& part) {
    return text.find(part) != std::string::npos;
  }
  std::string copy_of(const std::string& family) {
    const std::string to = path(family);
    EXPECT_TRUE(make_directories(to));
    for (const char* name : {"config.json", "model.safetensors"})
      EXPECT_TRUE(write_file_atomic(join_path(to, name),
                                    *read_file(join_path(golden_model(family), name))));
    return to;
  }
  static void set(const std::string& folder, const char* key, Json value) {
    Json config = *read_json_file(join_path(folder, "config.json"));
    config.set(key, std::move(value));
    ASSERT_TRUE(write_file_atomic(join_path(folder, "config.json"), config.dump()));
  }
};

TEST_F(ConvertNotes, F6AnOwnHeadIsKeptBothWays) {
  const std::string from = golden_model("qwen2_own_head");
  EXPECT_TRUE(has(all(convert_to(from, path("m.gguf"))), "lm_head.weight differs"));
  EXPECT_TRUE(GgufFile::open(path("m.gguf"))->find("output.weight"));
  ASSERT_TRUE(convert_to(path("m.gguf"), path("back")));
  ASSERT_TRUE(convert_to(from, path("copy")));
  for (const char* folder : {"back", "copy"}) {
    EXPECT_TRUE(SafetensorsFolder::open(path(folder))->has("lm_head.weight")) << folder;
    const Json config = *read_json_file(path(folder) + "/config.json");
    EXPECT_FALSE(*config.find("tie_word_embeddings")->as_bool()) << folder;
  }
  for (const char* made : {"m.gguf", "back", "copy"})
    EXPECT_TRUE(same_bits(logits(path(made)), logits(from))) << made;
}

TEST_F(ConvertNotes, F9AFolderWithoutItsModuleIsConverted) {
  const std::string from = golden_model("deepseek_v3_no_mtp");
  EXPECT_TRUE(has(all(convert_to(from, path("m.gguf"))), "'num_nextn_predict_layers' is 1"));
  ASSERT_TRUE(convert_to(from, path("copy")));
  EXPECT_EQ(*read_json_file(path("copy/config.json"))->find("num_nextn_predict_layers")->as_int(),
            0);
  EXPECT_TRUE(same_bits(logits(path("copy")), logits(from)));
  EXPECT_LT(difference(logits(path("m.gguf")), logits(from)), 2e-5);
}

TEST_F(ConvertNotes, F13SourcesAreKnownByTheirContent) {
  ASSERT_TRUE(convert_to(golden_model("qwen2"), path("m.gguf")));
  ASSERT_TRUE(rename_path(path("m.gguf"), path("sha256-4d0c")));
  ASSERT_TRUE(convert_to(path("sha256-4d0c"), path("back")));
  ASSERT_TRUE(convert_to(path("sha256-4d0c"), path("AGAIN.GGUF"), "q8_0"));
  EXPECT_TRUE(begins_as_gguf(path("AGAIN.GGUF")));
  EXPECT_TRUE(same_bits(logits(path("back")), logits(golden_model("qwen2"))));
  EXPECT_TRUE(same_bits(logits(path("sha256-4d0c")), logits(golden_model("qwen2"))));
}

TEST_F(ConvertNotes, F14AnFsdpPrefixDoesNotTravel) {
  const std::string from = copy_of("qwen2");
  Json names = Json::array();
  names.push("FSDPQwen2ForCausalLM");
  set(from, "architectures", std::move(names));
  ASSERT_TRUE(convert_to(from, path("copy")));
  const Json config = *read_json_file(path("copy/config.json"));
  EXPECT_EQ(config.find("architectures")->items()[0].text(), "Qwen2ForCausalLM");
}

TEST_F(ConvertNotes, F21OtherEpsilonsOfLatentModelsAreToldOf) {
  const std::string from = copy_of("deepseek_v3");
  EXPECT_FALSE(has(all(convert_to(from, path("a.gguf"))), "rms_norm_eps"));
  set(from, "rms_norm_eps", 1e-5);
  EXPECT_TRUE(has(all(convert_to(from, path("b.gguf"))), "'rms_norm_eps' is 1e-05"));
  EXPECT_TRUE(same_bits(logits(path("b.gguf")), logits(path("b.gguf"))));
  EXPECT_LT(difference(logits(path("b.gguf")), logits(from)), 2e-5) << "weir's own reading";
  EXPECT_FALSE(has(all(convert_to(golden_model("llama"), path("c.gguf"))), "rms_norm_eps"));
}

// A gate bias as a fine-tune in bf16 saves it.
TEST_F(ConvertNotes, F22AGateBiasInBf16StaysSo) {
  const std::string from = path("bf16");
  ASSERT_TRUE(convert_to(golden_model("deepseek_v3"), from, "bf16"));
  const std::string bias = "model.layers.1.mlp.gate.e_score_correction_bias";
  const auto dtype = [&](const std::string& folder) {
    return SafetensorsFolder::open(folder)->find(bias)->info->dtype;
  };
  EXPECT_EQ(dtype(from), "F32") << "never narrowed";
  const auto opened = SafetensorsFolder::open(from);
  std::vector<TensorSource> sources;
  std::vector<std::vector<std::byte>> narrow;
  narrow.reserve(16);
  for (const std::string& name : opened->names()) {
    const auto found = opened->find(name);
    TensorSource source{name, found->info->dtype, found->info->shape, found->bytes()};
    if (name.ends_with("e_score_correction_bias")) {
      std::vector<std::byte>& data = narrow.emplace_back();
      for (size_t i = 0; i < found->bytes().size(); i += 4)  // the upper halves
        data.insert(data.end(), {found->bytes()[i + 2], found->bytes()[i + 3]});
      source.dtype = "BF16";
      source.bytes = data;
    }
    sources.push_back(source);
  }
  ASSERT_TRUE(make_directories(path("narrow")));
  ASSERT_TRUE(write_safetensors(path("narrow/model.safetensors"), sources, {}));
  ASSERT_TRUE(write_file_atomic(path("narrow/config.json"), *read_file(from + "/config.json")));
  ASSERT_TRUE(convert_to(path("narrow"), path("copy")));
  EXPECT_EQ(dtype(path("copy")), "BF16");
  ASSERT_TRUE(convert_to(path("narrow"), path("m.gguf")));
  ASSERT_TRUE(convert_to(path("m.gguf"), path("back")));
  EXPECT_EQ(dtype(path("back")), "BF16");
  ASSERT_TRUE(convert_to(from, path("wide.gguf")));
  ASSERT_TRUE(convert_to(path("wide.gguf"), path("wide")));
  EXPECT_EQ(dtype(path("wide")), "F32") << "numbers that bf16 does not have";
}

TEST_F(ConvertNotes, F49FusedExpertsAreWrittenOneByOne) {
  const std::string from = golden_model("deepseek_v3_fused");
  ASSERT_TRUE(convert_to(from, path("copy")));
  EXPECT_TRUE(
      SafetensorsFolder::open(path("copy"))->has("model.layers.1.mlp.experts.3.up_proj.weight"));
  EXPECT_TRUE(same_bits(logits(path("copy")), logits(from)));
  ASSERT_TRUE(convert_to(from, path("m.gguf")));
  EXPECT_LT(difference(logits(path("m.gguf")), logits(from)), 2e-5);
}

TEST_F(ConvertNotes, N12FilesLargerThanTheDiskAreNotBegun) {
  const auto refused = random_to("deepseek-v3", path("huge.gguf"), "f32");  // 2.5 TiB
  if (refused) GTEST_SKIP() << "a disk of more than 2.5 TiB";
  EXPECT_TRUE(has(refused.error().message, "huge.gguf: needs 2.")) << refused.error().message;
  EXPECT_TRUE(has(refused.error().message, "are free on its disk"));
  EXPECT_FALSE(random_to("deepseek-v3", path("huge"), "f32"));
  EXPECT_TRUE(list_directory(folder_)->empty());
}

TEST_F(ConvertNotes, N12MoreLayersThanTheModelHasAreRefused) {
  RandomModelRequest request;
  request.like = golden_model("qwen2");
  request.to = path("r.gguf");
  request.layers = 4;
  const auto refused = make_random(request, pool_, listener_);
  ASSERT_FALSE(refused);
  EXPECT_TRUE(has(refused.error().message, "--layers 4")) << refused.error().message;
  EXPECT_TRUE(has(refused.error().message, "has 3 layers"));
}

TEST_F(ConvertNotes, N18RequantizingIsToldOf) {
  const std::string like = path("config.json");
  ASSERT_TRUE(
      write_file_atomic(like, R"({"model_type": "llama", "vocab_size": 512, "hidden_size": 224,
                "num_hidden_layers": 2, "num_attention_heads": 4, "intermediate_size": 256,
                "max_position_embeddings": 64, "bos_token_id": 0, "eos_token_id": 1})"));
  const std::string made = all(random_to(like, path("m.gguf"), "q4_k_m"));
  EXPECT_TRUE(has(made, "256 does not divide 224 (q4_k to q5_0: ")) << made;
  const std::string again = all(convert_to(path("m.gguf"), path("a.gguf"), "q8_0"));
  EXPECT_TRUE(has(again, "the source is quantized already (")) << again;
  EXPECT_FALSE(has(again, "fell back")) << again;
  EXPECT_FALSE(has(all(convert_to(path("m.gguf"), path("b.gguf"))), "quantized already"))
      << "merged or split without another type";
  ASSERT_TRUE(random_to(like, path("whole.gguf"), "bf16"));
  EXPECT_FALSE(
      has(all(convert_to(path("whole.gguf"), path("c.gguf"), "q8_0")), "quantized already"));
}

TEST_F(ConvertNotes, ErrorsNameTheFileThatTheUserGave) {
  for (const char* to : {"absent/a.gguf", "file/a.gguf", "file/folder"}) {
    ASSERT_TRUE(write_file_atomic(path("file"), "x"));
    const auto refused = convert_to(golden_model("qwen2"), path(to));
    ASSERT_FALSE(refused) << to;
    EXPECT_TRUE(has(refused.error().message, path(to))) << refused.error().message;
    EXPECT_FALSE(has(refused.error().message, ".writing-")) << refused.error().message;
  }
}

}  // namespace
}  // namespace weir
