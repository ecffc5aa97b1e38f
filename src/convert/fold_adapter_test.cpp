// An adapter beside its base, merged into a folder and merged into a GGUF file: the same logits.
#include <gtest/gtest.h>

#include "base/random.h"
#include "testing/adapter_fixture.h"
#include "testing/convert_fixture.h"

namespace weir {
namespace {

class FoldAdapter : public ConvertTest, public ::testing::WithParamInterface<const char*> {
 protected:
  Result<ConvertResult> merge(const std::string& from, const std::string& to,
                              const std::string& adapter, const std::string& type = "") {
    ConvertRequest request;
    request.from = from, request.to = to, request.adapter = adapter, request.type = type;
    return run(request);
  }
  std::vector<float> adapted_logits(const std::string& model_path, const LoraAdapter& adapter) {
    auto model = load_model(model_path, false);
    EXPECT_TRUE(model) << (model ? "" : model.error().message);
    if (!model) return {};
    (*model)->default_adapter = *(*model)->add_adapter(adapter);
    (*model)->pack(pool_);
    const std::vector<int> zeros(24, 0);
    std::vector<int> tokens(24), positions(24);
    std::iota(tokens.begin(), tokens.end(), 1);
    std::iota(positions.begin(), positions.end(), 0);
    Arena arena(size_t(1) << 30);
    Batch batch(tokens, positions, zeros);
    weir::Run pass{arena, pool_, batch};
    const Tensor rows = (*model)->logits(pass, (*model)->forward(pass));
    return {rows.data, rows.data + size_t(rows.rows) * size_t(rows.cols)};
  }
  void check(const std::string& base, const LoraAdapter& adapter) {
    const ModelConfig config = *read_config(base + "/config.json");
    ASSERT_TRUE(write_lora(path("adapter"), adapter, config));
    const std::vector<float> beside = adapted_logits(base, adapter);
    EXPECT_GT(difference(beside, logits(base)), 1e-2) << "the adapter changes something";
    auto merged = merge(base, path("merged"), path("adapter"), "f32");
    ASSERT_TRUE(merged) << merged.error().message;
    EXPECT_LT(difference(beside, logits(path("merged"))), 5e-5);
    // The rows of q and k, and the split of kv_b, are GGUF's own.
    merged = merge(base, path("merged.gguf"), path("adapter"), "f32");
    ASSERT_TRUE(merged) << merged.error().message;
    EXPECT_LT(difference(beside, logits(path("merged.gguf"))), 5e-5);
    ASSERT_TRUE(convert_to(base, path("base.gguf"), "f32"));
    merged = merge(path("base.gguf"), path("again.gguf"), path("adapter"));
    ASSERT_TRUE(merged) << merged.error().message;
    EXPECT_LT(difference(beside, logits(path("again.gguf"))), 5e-5);
    EXPECT_LT(difference(beside, adapted_logits(path("base.gguf"), adapter)), 5e-5);
    // A model that keeps GGUF's order of rows gives the adapter back in HuggingFace's.
    auto model = load_model(path("base.gguf"), false);
    ASSERT_TRUE(model);
    const int number = *(*model)->add_adapter(adapter);
    EXPECT_TRUE(same_numbers(adapter, (*model)->adapter(number)));
  }
};

TEST_P(FoldAdapter, GivesTheLogitsOfTheAdapterBesideItsBase) {
  const std::string base = golden_model(GetParam());
  check(base, random_lora(*read_config(base + "/config.json"), 3, 11));
}

// DoRA: each row of the merged weights has the length that was learned. Routed experts have none.
class FoldMagnitudes : public FoldAdapter {};
TEST_P(FoldMagnitudes, GiveTheLogitsOfTheAdapterBesideItsBase) {
  const std::string base = golden_model(GetParam());
  const ModelConfig config = *read_config(base + "/config.json");
  LoraAdapter adapter = random_lora(config, 3, 11);
  Random random(12, 0);
  for (LoraModule& module : adapter.modules) {
    module.magnitude.resize(size_t(module.outputs));
    for (float& length : module.magnitude) length = 0.2f + random.uniform();
  }
  check(base, adapter);
  EXPECT_FALSE(write_lora(path("dora.gguf"), adapter, config));
  const auto read = read_lora(path("adapter"), config);
  ASSERT_TRUE(read) << read.error().message;
  EXPECT_EQ(read->modules[0].magnitude, adapter.modules[0].magnitude);
}

INSTANTIATE_TEST_SUITE_P(Families, FoldMagnitudes, ::testing::Values("qwen2", "llama"),
                         [](const auto& family) { return std::string(family.param); });
INSTANTIATE_TEST_SUITE_P(Families, FoldAdapter,
                         ::testing::Values("deepseek", "deepseek_v2", "deepseek_v3_no_mtp", "qwen2",
                                           "qwen3_moe_one", "llama"),
                         [](const auto& family) { return std::string(family.param); });

TEST_F(ConvertTest, AnAdapterOfAnotherBaseIsNotMerged) {
  const ModelConfig config = *read_config(golden_model("qwen2") + "/config.json");
  ASSERT_TRUE(write_lora(path("adapter"), random_lora(config, 3, 11), config));
  ConvertRequest request;
  request.from = golden_model("deepseek_v2"), request.to = path("no.gguf");
  request.adapter = path("adapter");
  const auto merged = run(request);
  ASSERT_FALSE(merged);
  EXPECT_NE(merged.error().message.find("another base"), std::string::npos);
  EXPECT_FALSE(file_exists(path("no.gguf")));
}

}  // namespace
}  // namespace weir
