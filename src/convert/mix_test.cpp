// Mixes against the sizes of published files and llama.cpp's rules.
#include "convert/mix.h"

#include <gtest/gtest.h>

#include "convert/plan.h"

namespace weir {
namespace {

// Data of a GGUF file of a published model, in GB.
double size_of(const std::string& model, const std::string& type) {
  ModelConfig config = *preset(model);
  config.num_nextn_predict_layers = 0;  // published files have been made without
  auto plan = plan_gguf(config, find_nothing, *find_mix(type));
  EXPECT_TRUE(plan) << (plan ? "" : plan.error().message);
  uint64_t bytes = 0;
  for (const PlannedTensor& tensor : plan->tensors) bytes += tensor.bytes();
  return double(bytes) / 1e9;
}

// Computed from the shapes with llama.cpp's rules by another program, which knew one tensor kv_b of
// keys and values where there are two now: keys' rows of 128 cost a bit more.
TEST(Mix, SizesOfPublishedModels) {
  const struct {
    const char *model, *type;
    double gigabytes;
  } kSizes[] = {
      {"deepseek-v2-lite", "q4_k_m", 10.36},    {"deepseek-v2-lite", "q8_0", 16.70},
      {"moonlight", "q4_k_m", 10.53},           {"deepseek-v2", "q4_k_m", 142.5},
      {"deepseek-v3", "q4_k_m", 404.4},         {"deepseek-v3", "q8_0", 713.3},
      {"r1-distill-qwen-1.5b", "q4_k_m", 1.11}, {"r1-distill-qwen-7b", "q4_k_m", 4.68},
      {"r1-distill-qwen-14b", "q4_k_m", 8.98},  {"r1-distill-qwen-32b", "q4_k_m", 19.84},
      {"r1-distill-llama-8b", "q4_k_m", 4.91},  {"r1-distill-llama-8b", "q8_0", 8.53},
  };
  for (const auto& size : kSizes)
    EXPECT_NEAR(size_of(size.model, size.type), size.gigabytes, 0.005 * size.gigabytes + 0.006)
        << size.model << " " << size.type;
}

TEST(Mix, RowsThatDoNotDivideFallBack) {
  const MixModel model{27, 64, 1, false};
  const Mix q4 = *find_mix("q4_k_m"), q5 = *find_mix("q5_k_m"), q6 = *find_mix("q6_k");
  // V2-Lite's experts are 1408 wide: 5.5 blocks of 256.
  EXPECT_EQ(choose_type(q4, model, "blk.5.ffn_down_exps.weight", {64, 2048, 1408}),
            WeightType::q8_0);  // a layer that wants more: q6_k
  EXPECT_EQ(choose_type(q4, model, "blk.4.ffn_down_exps.weight", {64, 2048, 1408}),
            WeightType::q5_0);
  EXPECT_EQ(choose_type(q5, model, "blk.4.ffn_down_exps.weight", {64, 2048, 1408}),
            WeightType::q5_1);
  EXPECT_EQ(choose_type(q6, model, "blk.4.attn_q.weight", {3072, 2048}), WeightType::q6_k);
  EXPECT_EQ(choose_type(*find_mix("iq4_xs"), model, "blk.9.attn_q.weight", {64, 96}),
            WeightType::iq4_nl);
  EXPECT_EQ(choose_type(q4, model, "blk.9.attn_q.weight", {64, 100}), WeightType::f16);
}

TEST(Mix, NormsGatesAndBiasesStayF32) {
  const MixModel model{4, 8, 1, false};
  for (const char* type : {"q4_k_m", "bf16", "q2_k"})
    for (const char* name : {"blk.1.attn_norm.weight", "blk.1.ffn_gate_inp.weight",
                             "blk.1.exp_probs_b.bias", "blk.1.attn_q.bias"})
      EXPECT_EQ(choose_type(*find_mix(type), model, name, {512, 512}), WeightType::f32) << name;
}

TEST(Mix, TiedEmbeddingsAreTreatedAsTheOutput) {
  const Mix mix = *find_mix("q4_k_m");
  MixModel model{24, 0, 7, false};
  EXPECT_EQ(choose_type(mix, model, "token_embd.weight", {1000, 1024}), WeightType::q4_k);
  EXPECT_EQ(choose_type(mix, model, "output.weight", {1000, 1024}), WeightType::q6_k);
  model.is_tied = true;
  EXPECT_EQ(choose_type(mix, model, "token_embd.weight", {1000, 1024}), WeightType::q6_k);
  EXPECT_EQ(choose_type(mix, model, "token_embd.weight", {1000, 896}), WeightType::q8_0);
}

}  // namespace
}  // namespace weir
