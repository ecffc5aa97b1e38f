// Sizes against published numbers: parameters, active parameters, cache, and memory by hand.
#include "config/size.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include "checkpoint/size_check.h"
#include "cli/size_report.h"

namespace weir {
namespace {

ModelConfig named(const char* name) {
  auto config = preset(name);
  EXPECT_TRUE(config.has_value()) << name;
  return *config;
}

TEST(Size, ParametersMatchThePublishedModels) {
  // What transformers 5.23 builds from our config.json (tools/check_configs.py), which also rounds
  // to the published numbers; DeepSeekMoE-16B's own class is not part of it.
  const std::pair<const char*, int64_t> kTotals[] = {
      {"deepseek-v2-lite", 15706484224},
      {"deepseek-v2", 235741434880},
      {"deepseek-v3", 671026419200},
      {"moonlight", 15960110208},
      {"deepseek-67b", 67425001472},
      {"qwen2.5-0.5b", 494032768},
      {"r1-distill-qwen-1.5b", 1777088000},
      {"r1-distill-qwen-7b", 7615616512},
      {"r1-distill-qwen-14b", 14770033664},
      {"r1-distill-qwen-32b", 32763876352},
      {"r1-distill-llama-8b", 8030261248},
      {"r1-distill-llama-70b", 70553706496},
      {"deepseek-v3.2", 671877944064},
      {"qwen3-0.6b", 596049920},
      {"qwen3-8b", 8190735360},
      {"qwen3-30b-a3b", 30532122624},
  };
  for (auto [name, expected] : kTotals) EXPECT_EQ(model_size(named(name)).total, expected) << name;
  EXPECT_NEAR(double(model_size(named("deepseek-moe-16b")).total) / 1e9, 16.376, 0.0005);
  EXPECT_NEAR(double(model_size(named("kimi-k2")).total) / 1e9, 1026.4, 0.05);
  EXPECT_NEAR(double(model_size(named("deepseek-v3")).mtp) / 1e9, 11.61, 0.005);
}

TEST(Size, ActiveParametersMatchThePublishedModels) {
  const std::pair<const char*, double> kActive[] = {{"deepseek-v2-lite", 2.45},
                                                    {"deepseek-v2", 20.85},
                                                    {"deepseek-v3", 36.63},
                                                    {"kimi-k2", 32.9 - 163840 * 7168 / 1e9}};
  for (auto [name, expected] : kActive)
    EXPECT_NEAR(double(model_size(named(name)).active) / 1e9, expected, 0.05) << name;
  // Dense: everything but the table that is only looked up.
  ModelSize dense = model_size(named("r1-distill-qwen-7b"));
  EXPECT_EQ(dense.active, dense.total - int64_t(152064) * 3584);
  ModelSize tied = model_size(named("qwen2.5-0.5b"));
  EXPECT_EQ(tied.active, tied.total);
}

TEST(Size, PartsSumToTheTotal) {
  for (const std::string& name : preset_names()) {
    ModelSize s = model_size(*preset(name));
    EXPECT_EQ(s.embedding + s.attention + s.dense_mlp + s.experts + s.router + s.norms, s.total)
        << name;
  }
}

TEST(Size, CacheMatchesThePublishedNumbers) {
  const std::pair<const char*, int64_t> kElements[] = {
      {"deepseek-v2-lite", 15552},     {"moonlight", 15552},
      {"deepseek-v2", 34560},          {"deepseek-v3", 35136},
      {"r1-distill-qwen-1.5b", 14336}, {"r1-distill-llama-70b", 163840},
      {"deepseek-67b", 194560}};
  for (auto [name, expected] : kElements) EXPECT_EQ(cache_size(named(name)).elements, expected);
  EXPECT_EQ(cache_size(named("deepseek-v2-lite")).multi_head_elements, 138240);
  CacheSize v2 = cache_size(named("deepseek-v2"));
  EXPECT_NEAR(double(v2.multi_head_elements) / double(v2.elements), 71.1, 0.05);
}

TEST(Size, SparseAttentionCountsItsIndexer) {
  const ModelConfig sparse = named("deepseek-v3.2"), dense = named("deepseek-v3");
  // Per layer: queries, key with its norm, weights; and a key in the cache.
  const int64_t indexer = 64 * 128 * 1536 + 128 * 7168 + 2 * 128 + 64 * 7168;
  EXPECT_EQ(model_size(sparse).total, model_size(dense).total + 61 * indexer);
  EXPECT_EQ(cache_size(sparse).elements, cache_size(dense).elements + 61 * 128);
  EXPECT_LT(forward_flops_per_token(sparse, 131072), forward_flops_per_token(dense, 131072));
  EXPECT_EQ(choices_per_token(sparse, 2048, false), 0);
  EXPECT_EQ(choices_per_token(sparse, 2049, false), 62 * 2048);
  EXPECT_EQ(choices_per_token(sparse, 2049, true), 2048);
  EXPECT_EQ(choices_per_token(dense, 1 << 20, false), 0);
}

TEST(Size, TheHeadlineCacheSavingsFollow) {
  double v2 = double(cache_size(named("deepseek-v2")).elements);
  double dense = double(cache_size(named("deepseek-67b")).elements);
  EXPECT_NEAR(1 - v2 / dense, 0.822, 0.0005);             // numbers against numbers
  EXPECT_NEAR(1 - v2 * 6 / (dense * 16), 0.933, 0.0005);  // 6-bit latents against bf16
}

// A model small enough to count on paper: 1 dense and 1 expert layer, 1 MTP module.
ModelConfig paper_model() {
  ModelConfig c = named("deepseek-v3");
  c.vocab_size = 100;
  c.hidden_size = 10;
  c.num_hidden_layers = 2;
  c.num_attention_heads = 2;
  c.q_lora_rank = 0;
  c.kv_lora_rank = 6;
  c.qk_nope_head_dim = 4;
  c.qk_rope_head_dim = 2;
  c.v_head_dim = 3;
  c.intermediate_size = 20;
  c.n_routed_experts = 4;
  c.num_experts_per_tok = 2;
  c.moe_intermediate_size = 5;
  c.first_k_dense_replace = 1;
  c.n_group = c.topk_group = 1;
  c.group_kind = GroupKind::none;
  c.num_nextn_predict_layers = 1;
  return c;
}

TEST(Size, CountsOnPaper) {
  ModelConfig c = paper_model();
  ASSERT_TRUE(validate(c).has_value()) << validate(c).error().message;
  ModelSize s = model_size(c);
  // q 12x10, kv_a 8x10, kv_b 14x6, o 10x6; gains 10 + 10 + 6.
  int64_t attention = 120 + 80 + 84 + 60, gains = 26;
  int64_t dense = 3 * 200, expert = 3 * 50, router = 4 * 10 + 4;
  EXPECT_EQ(s.embedding, 2000);
  EXPECT_EQ(s.attention, 2 * attention);
  EXPECT_EQ(s.dense_mlp, dense);
  EXPECT_EQ(s.experts, 5 * expert);
  EXPECT_EQ(s.router, router);
  EXPECT_EQ(s.norms, 2 * gains + 10);
  EXPECT_EQ(s.mtp, attention + gains + 5 * expert + router + 2 * 100 + 3 * 10);
  EXPECT_EQ(s.active, 1000 + 2 * attention + dense + 3 * expert + router + 2 * gains + 10);
  EXPECT_EQ(cache_size(c).elements, 2 * 8);
  EXPECT_EQ(cache_size(c).multi_head_elements, 2 * 2 * 9);
  EXPECT_DOUBLE_EQ(forward_flops_per_token(c, 100), 2.0 * (double(s.active) + 2 * 2 * 9 * 50));
}

TEST(Size, LayersAreGrouped) {
  auto groups = layer_groups(named("deepseek-v3"));
  ASSERT_EQ(groups.size(), 3u);
  EXPECT_EQ(groups[0].count, 3);
  EXPECT_EQ(groups[1].count, 58);
  EXPECT_EQ(groups[2].count, 1);
  EXPECT_EQ(groups[2].first, 61);
}

TEST(Size, MemoryOfInferenceAndTraining) {
  ModelConfig c = paper_model();
  ModelSize s = model_size(c);
  double all = double(s.total + s.mtp);
  InferenceMemory f32 = inference_memory(c, 4, 100, true);
  EXPECT_EQ(f32.weights, 4 * all);
  EXPECT_EQ(f32.cache, 4.0 * 100 * 16);
  EXPECT_EQ(inference_memory(c, 2, 100, true).weights, 2 * all);
  EXPECT_EQ(inference_memory(c, 4, 100, false).cache, 4.0 * 100 * 36);
  TrainingMemory t = training_memory(c, 10, false);
  EXPECT_EQ(t.weights + t.gradients + t.moments, 16 * all);
  EXPECT_EQ(t.panels, 2 * f32.panels);
  EXPECT_EQ(t.activations, 40.0 * double(activations_per_token(c, false)));
}

TEST(Size, RecomputationKeepsOneBlock) {
  for (const std::string& name : preset_names()) {
    ModelConfig c = *preset(name);
    EXPECT_LT(activations_per_token(c, true), activations_per_token(c, false)) << name;
  }
}

std::string report_of(const char* name, double free_bytes) {
  return size_report(named(name), {name, 4096, 2048, free_bytes});
}

#define EXPECT_SAYS(text, words) EXPECT_NE((text).find(words), std::string::npos) << text

TEST(SizeReport, SaysThePublishedNumbers) {
  std::string v2 = report_of("deepseek-v2", 23e9);
  EXPECT_SAYS(v2, "235.741 B in all, 20.852 B active");
  EXPECT_SAYS(v2, "98.6 %");
  EXPECT_SAYS(v2, "82.2 %");
  EXPECT_SAYS(v2, "93.3 %");
  EXPECT_SAYS(v2, " 34560 ");
  EXPECT_SAYS(v2, " 194560 ");
  EXPECT_SAYS(v2, "layers 1 to 59 (experts), each of 59");
  EXPECT_SAYS(v2, "160 x [1536, 5120]");
  EXPECT_SAYS(v2, "does not fit: needs ");
  std::string v3 = report_of("deepseek-v3", 23e9);
  EXPECT_SAYS(v3, "671.026 B in all");
  EXPECT_SAYS(v3, "11.610 B  on top");
  std::string small = report_of("qwen2.5-0.5b", 1e12);
  EXPECT_SAYS(small, "  fits");
  EXPECT_EQ(small.find("does not fit"), std::string::npos);
  EXPECT_EQ(small.find("latent"), std::string::npos);
}

TEST(SizeReport, LinesFitATerminal) {
  for (const std::string& name : preset_names()) {
    std::string text = report_of(name.c_str(), 23e9);
    for (size_t begin = 0; begin < text.size();) {
      size_t end = text.find('\n', begin);
      EXPECT_LE(end - begin, 150u) << text.substr(begin, end - begin);
      begin = end + 1;
    }
  }
}

TEST(SizeReport, JsonHoldsTheSameNumbers) {
  auto json = parse_json(size_json(named("deepseek-v2"), {"x", 4096, 2048, 23e9}).dump());
  ASSERT_TRUE(json.has_value());
  const Json* cache = json->find("cache");
  EXPECT_EQ(*cache->find("numbers_per_token")->as_int(), 34560);
  EXPECT_NEAR(*cache->find("saved_against_deepseek_67b_in_6_bits")->as_double(), 0.933, 0.0005);
  EXPECT_EQ(*json->find("parameters")->find("total")->as_int(),
            model_size(named("deepseek-v2")).total);
  EXPECT_FALSE(*json->find("memory")->find("train")->find("fits")->as_bool());
  EXPECT_EQ(json->find("layers")->size(), 2u);
}

// A folder with the paper model's tensors, after `change` was made to the list.
class WeightsOfAModel : public testing::Test {
 protected:
  void TearDown() override { (void)remove_all(folder_); }
  template <class Change>
  WeightCheck check_after(const Change& change) {
    ModelConfig c = paper_model();
    std::vector<TensorSource> sources;
    auto add = [&](const TensorShape& tensor) {
      for (int copy = 0; copy < tensor.copies; ++copy) {
        std::string name = tensor.name;
        if (tensor.copies > 1) name.replace(name.find("{}"), 2, std::to_string(copy));
        size_t bytes = size_t(tensor.elements() / tensor.copies) * 4;
        sources.push_back({name, "F32", tensor.shape, std::span(zeros_).first(bytes)});
      }
    };
    for (const TensorShape& tensor : outer_tensors(c)) add(tensor);
    for (int layer = 0; layer < 3; ++layer)
      for (const TensorShape& tensor : layer_tensors(c, layer)) add(tensor);
    change(sources);
    EXPECT_TRUE(make_directories(folder_).has_value());
    auto written = write_safetensors(join_path(folder_, "model.safetensors"), sources, {});
    EXPECT_TRUE(written.has_value()) << written.error().message;
    auto opened = Checkpoint::open(folder_, c);
    EXPECT_TRUE(opened.has_value());
    return check_weights(**opened);
  }
  std::string folder_ = testing::TempDir() + "weir_weights_" + std::to_string(getpid());
  std::vector<std::byte> zeros_ = std::vector<std::byte>(1 << 16);
};

TEST_F(WeightsOfAModel, AreWhatTheConfigurationSays) {
  WeightCheck check = check_after([](std::vector<TensorSource>&) {});
  EXPECT_TRUE(check.matches());
  ModelSize size = model_size(paper_model());
  EXPECT_EQ(check.bytes, uint64_t(size.total + size.mtp) * 4);
  EXPECT_EQ(check.dtypes.at("F32"), check.tensors);
}

TEST_F(WeightsOfAModel, ProblemsAreCountedAndNamed) {
  WeightCheck check = check_after([](std::vector<TensorSource>& sources) {
    for (TensorSource& source : sources) {
      if (source.name == "lm_head.weight") source.shape = {10, 100};
      if (source.name == "model.norm.weight") source.name = "model.norm.bias";
      if (source.name == "model.layers.1.mlp.experts.3.up_proj.weight") source.name = "x";
    }
  });
  EXPECT_FALSE(check.matches());
  EXPECT_EQ(check.misshapen, 1u);
  EXPECT_EQ(check.missing, 2u);
  EXPECT_EQ(check.unexpected, 2u);
  EXPECT_EQ(check.examples.size(), 5u);
}

TEST_F(WeightsOfAModel, KnownExtrasAreNoProblem) {
  WeightCheck check = check_after([this](std::vector<TensorSource>& sources) {
    auto four = std::span(zeros_).first(4);
    sources.push_back({"model.layers.0.self_attn.o_proj.weight_scale_inv", "F32", {1, 1}, four});
    sources.push_back({"model.layers.2.embed_tokens.weight", "F32", {1, 1}, four});
    sources.push_back({"model.layers.2.shared_head.head.weight", "F32", {1, 1}, four});
    sources.push_back({"model.layers.0.self_attn.rotary_emb.inv_freq", "F32", {1}, four});
  });
  EXPECT_TRUE(check.matches()) << check.examples.front();
}

}  // namespace
}  // namespace weir
