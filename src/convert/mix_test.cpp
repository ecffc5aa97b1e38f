// Mixes against the sizes of published files and llama.cpp's rules.
#include "convert/mix.h"

#include <gtest/gtest.h>

#include <map>

#include "base/file.h"
#include "base/text.h"
#include "convert/conversion_plan.h"

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

// "q6_k:1,q4_k:6" as q6_k and six q4_k.
std::vector<std::string> types_of(std::string_view runs) {
  std::vector<std::string> types;
  for (std::string_view run : split(runs, ',')) {
    const size_t colon = run.find(':');
    const auto count = parse_int(run.substr(colon + 1));
    EXPECT_TRUE(count) << run;
    types.insert(types.end(), count ? size_t(*count) : 0, std::string(run.substr(0, colon)));
  }
  return types;
}

// What llama.cpp's quantizer made of models of several shapes, by kind of tensor
// (tools/make_mix_golden.py): dense ones with and without shared keys, with 80 layers and tied
// embeddings, with rows that 256 does not divide, of 4 and 8 experts, with latent attention.
TEST(Mix, F40EveryTensorHasTheTypeOfLlamaCpp) {
  const auto text = read_file(std::string(WEIR_SOURCE_DIR) + "/src/convert/testdata/mixes.txt");
  ASSERT_TRUE(text) << text.error().message;
  using Kinds = std::map<std::string, std::vector<std::string>>;
  std::string name;
  ModelConfig config;
  std::map<std::string, std::map<std::string, Kinds>> expected;  // by model and mix
  std::map<std::string, ModelConfig> configs;
  for (std::string_view line : split(*text, '\n')) {
    const size_t first = line.find(' '), second = line.find(' ', first + 1);
    if (second == std::string_view::npos) continue;
    const std::string middle(line.substr(first + 1, second - first - 1));
    const std::string_view rest = line.substr(second + 1);
    if (line.starts_with("model ")) {
      auto json = parse_json(rest);
      ASSERT_TRUE(json);
      auto parsed = parse_config(*json, middle);
      ASSERT_TRUE(parsed) << parsed.error().message;
      configs[name = middle] = *parsed;
    } else {
      expected[name][std::string(line.substr(0, first))][middle] = types_of(rest);
    }
  }
  EXPECT_GE(configs.size(), 15u);
  size_t compared = 0;
  for (const auto& [model, mixes] : expected)
    for (const auto& [label, kinds] : mixes) {
      const size_t plus = label.find('+');
      Mix mix = *find_mix(label.substr(0, plus));
      mix.is_weighed = plus != std::string::npos;
      auto plan = plan_gguf(configs[model], find_nothing, mix);
      ASSERT_TRUE(plan) << plan.error().message;
      Kinds found;
      for (const PlannedTensor& tensor : plan->tensors) {
        if (tensor.type == WeightType::f32) continue;
        const size_t dot = tensor.name.starts_with("blk.") ? tensor.name.find('.', 4) + 1 : 0;
        found[tensor.name.substr(dot)].push_back(type_name(tensor.type));
        ++compared;
      }
      EXPECT_EQ(found, kinds) << model << " " << label;
    }
  EXPECT_GT(compared, 30'000u);
}

TEST(Mix, RowsThatDoNotDivideFallBack) {
  const MixModel model{27, 64, 1, false, false};
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
  const MixModel model{4, 8, 1, false, false};
  for (const char* type : {"q4_k_m", "bf16", "q2_k"})
    for (const char* name : {"blk.1.attn_norm.weight", "blk.1.ffn_gate_inp.weight",
                             "blk.1.exp_probs_b.bias", "blk.1.attn_q.bias"})
      EXPECT_EQ(choose_type(*find_mix(type), model, name, {512, 512}), WeightType::f32) << name;
}

TEST(Mix, TiedEmbeddingsAreTreatedAsTheOutput) {
  const Mix mix = *find_mix("q4_k_m");
  MixModel model{24, 0, 7, false, false};
  EXPECT_EQ(choose_type(mix, model, "token_embd.weight", {1000, 1024}), WeightType::q4_k);
  EXPECT_EQ(choose_type(mix, model, "output.weight", {1000, 1024}), WeightType::q6_k);
  model.is_tied = true;
  EXPECT_EQ(choose_type(mix, model, "token_embd.weight", {1000, 1024}), WeightType::q6_k);
  EXPECT_EQ(choose_type(mix, model, "token_embd.weight", {1000, 896}), WeightType::q8_0);
}

}  // namespace
}  // namespace weir
