// Published models by name, as their config.json files state them. Sources: the files in the
// models' repositories; for Kimi-K2 and R1-0528-Qwen3-8B the values marked below come from
// third-party copies.
#include <fmt/format.h>

#include "base/text.h"
#include "config/config.h"
#include "config/config_families.h"

namespace weir {
namespace {

// What DeepSeek-V2 and its successors share; widths, experts and gate differ.
ModelConfig latent_base(const char* model_type, int layers, int hidden, int heads, int vocabulary) {
  ModelConfig c = find_family(model_type)->defaults;
  c.model_type = model_type;
  c.vocab_size = vocabulary;
  c.hidden_size = hidden;
  c.num_hidden_layers = layers;
  c.num_attention_heads = heads;
  c.max_position_embeddings = 163840;
  return c;
}

void set_experts(ModelConfig& c, int routed, int shared, int active, int width, int dense_layers) {
  c.n_routed_experts = routed;
  c.n_shared_experts = shared;
  c.num_experts_per_tok = active;
  c.moe_intermediate_size = width;
  c.first_k_dense_replace = dense_layers;
}

void set_groups(ModelConfig& c, GroupKind kind, int groups, int kept) {
  c.group_kind = kind;
  c.n_group = groups;
  c.topk_group = kept;
}

void set_yarn(ModelConfig& c, double factor, double mscale) {
  c.rope.scaling = RopeScaling::yarn;
  c.rope.factor = factor;
  c.rope.original_positions = 4096;
  c.rope.mscale = c.rope.mscale_all_dim = mscale;
}

void set_tokens(ModelConfig& c, int begin, int end) {
  c.bos_token_id = begin;
  c.eos_token_id = end;
}

ModelConfig deepseek_moe_16b() {
  ModelConfig c = latent_base("deepseek", 28, 2048, 16, 102400);
  c.max_position_embeddings = 4096;
  c.num_key_value_heads = 16;
  c.head_dim = 128;
  c.intermediate_size = 10944;
  set_experts(c, 64, 2, 6, 1408, 1);
  set_tokens(c, 100000, 100001);
  return c;
}

ModelConfig deepseek_v2_lite() {
  ModelConfig c = latent_base("deepseek_v2", 27, 2048, 16, 102400);
  c.q_lora_rank = 0;
  c.intermediate_size = 10944;
  set_experts(c, 64, 2, 6, 1408, 1);
  set_yarn(c, 40, 0.707);
  set_tokens(c, 100000, 100001);
  return c;
}

ModelConfig deepseek_v2() {
  ModelConfig c = latent_base("deepseek_v2", 60, 5120, 128, 102400);
  c.intermediate_size = 12288;
  set_experts(c, 160, 2, 6, 1536, 1);
  set_groups(c, GroupKind::max, 8, 3);
  c.routed_scaling_factor = 16;
  set_yarn(c, 40, 1);
  set_tokens(c, 100000, 100001);
  return c;
}

ModelConfig deepseek_v3() {
  ModelConfig c = latent_base("deepseek_v3", 61, 7168, 128, 129280);
  c.intermediate_size = 18432;
  set_experts(c, 256, 1, 8, 2048, 3);
  set_groups(c, GroupKind::top2_sum, 8, 4);
  c.routed_scaling_factor = 2.5;
  set_yarn(c, 40, 1);
  set_tokens(c, 0, 1);
  c.num_nextn_predict_layers = 1;
  return c;
}

ModelConfig deepseek_v32() {
  ModelConfig c = deepseek_v3();
  const ModelConfig& defaults = find_family("deepseek_v32")->defaults;
  c.model_type = "deepseek_v32";
  c.index_n_heads = defaults.index_n_heads;
  c.index_head_dim = defaults.index_head_dim;
  c.index_topk = defaults.index_topk;
  return c;
}

ModelConfig moonlight() {
  ModelConfig c = latent_base("deepseek_v3", 27, 2048, 16, 163840);
  c.max_position_embeddings = 8192;
  c.q_lora_rank = 0;
  c.intermediate_size = 11264;
  c.rms_norm_eps = 1e-5;
  set_experts(c, 64, 2, 6, 1408, 1);
  set_groups(c, GroupKind::none, 1, 1);
  c.routed_scaling_factor = 2.446;
  c.rope.theta = 50000;
  set_tokens(c, 163584, 163586);
  return c;
}

ModelConfig kimi_k2() {
  ModelConfig c = latent_base("kimi_k2", 61, 7168, 64, 163840);
  c.intermediate_size = 18432;
  set_experts(c, 384, 1, 8, 2048, 1);
  set_groups(c, GroupKind::none, 1, 1);
  // Not verified against the published file: everything from here on. None of it changes a size.
  c.max_position_embeddings = 131072;
  c.rms_norm_eps = 1e-6;
  c.routed_scaling_factor = 2.827;
  c.rope.theta = 50000;
  set_yarn(c, 32, 1);
  c.rope.beta_fast = c.rope.beta_slow = 1;
  set_tokens(c, 163584, 163585);
  return c;
}

struct DenseShape {
  int layers, hidden, heads, key_value_heads, head, width, vocabulary;
};

ModelConfig dense(const char* model_type, const DenseShape& shape, double theta, double epsilon) {
  ModelConfig c = find_family(model_type)->defaults;
  c.model_type = model_type;
  c.num_hidden_layers = shape.layers;
  c.hidden_size = shape.hidden;
  c.num_attention_heads = shape.heads;
  c.num_key_value_heads = shape.key_value_heads;
  c.head_dim = shape.head;
  c.intermediate_size = shape.width;
  c.vocab_size = shape.vocabulary;
  c.rope.theta = theta;
  c.rms_norm_eps = epsilon;
  c.max_position_embeddings = 131072;
  return c;
}

ModelConfig deepseek_67b() {
  ModelConfig c = dense("llama", {95, 8192, 64, 8, 128, 22016, 102400}, 10000, 1e-6);
  c.max_position_embeddings = 4096;
  set_tokens(c, 100000, 100001);
  return c;
}

ModelConfig qwen(const DenseShape& shape, double theta, double epsilon) {
  ModelConfig c = dense("qwen2", shape, theta, epsilon);
  set_tokens(c, 151643, 151643);
  return c;
}

ModelConfig qwen_half_b() {
  ModelConfig c = qwen({24, 896, 14, 2, 64, 4864, 151936}, 1e6, 1e-6);
  c.max_position_embeddings = 32768;
  c.tie_word_embeddings = true;
  return c;
}

ModelConfig qwen3(const char* model_type, const DenseShape& shape) {
  ModelConfig c = dense(model_type, shape, 1e6, 1e-6);
  c.max_position_embeddings = 40960;
  set_tokens(c, 151643, 151645);
  return c;
}

ModelConfig qwen3_small() {
  ModelConfig c = qwen3("qwen3", {28, 1024, 16, 8, 128, 3072, 151936});
  c.tie_word_embeddings = true;
  return c;
}

// DeepSeek's distillation of R1-0528; its scaling of positions is from a third-party copy.
ModelConfig r1_qwen3() {
  ModelConfig c = qwen3("qwen3", {36, 4096, 32, 8, 128, 12288, 151936});
  c.max_position_embeddings = 131072;
  c.rope.scaling = RopeScaling::yarn;
  c.rope.factor = 4;
  c.rope.original_positions = 32768;
  return c;
}

ModelConfig qwen3_experts() {
  ModelConfig c = qwen3("qwen3_moe", {48, 2048, 32, 4, 128, 6144, 151936});
  c.norm_topk_prob = true;
  return c;
}

ModelConfig llama3(const DenseShape& shape) {
  ModelConfig c = dense("llama", shape, 500000, 1e-5);
  c.rope.scaling = RopeScaling::llama3;
  c.rope.factor = 8;
  c.rope.original_positions = 8192;
  set_tokens(c, 128000, 128001);
  return c;
}

// Small models of weir's own, shaped like DeepSeek-V3: they train on two cores in minutes.
ModelConfig small_latent(int layers, int hidden, int heads, int vocabulary, int positions) {
  ModelConfig c = latent_base("deepseek_v3", layers, hidden, heads, vocabulary);
  c.max_position_embeddings = positions;
  c.q_lora_rank = 0;
  c.kv_lora_rank = hidden / 4;
  c.qk_nope_head_dim = 32, c.qk_rope_head_dim = 16, c.v_head_dim = 32;
  c.initializer_range = 0.07;  // about 1 / sqrt(hidden): 0.02 learns more slowly in few steps
  c.n_group = c.topk_group = 1;
  c.group_kind = GroupKind::none;
  c.routed_scaling_factor = 1;
  c.num_nextn_predict_layers = 0;
  return c;
}

ModelConfig demo() {
  ModelConfig c = small_latent(4, 192, 6, 2048, 512);
  c.intermediate_size = 512;
  c.num_nextn_predict_layers = 1;
  set_experts(c, 16, 1, 2, 128, 1);
  return c;
}

struct Preset {
  const char* name;
  ModelConfig config;
};

const std::vector<Preset>& presets() {
  static const std::vector<Preset> kPresets = {
      {"deepseek-moe-16b", deepseek_moe_16b()},
      {"deepseek-v2-lite", deepseek_v2_lite()},
      {"deepseek-v2", deepseek_v2()},
      {"deepseek-v3", deepseek_v3()},
      {"deepseek-v3.1", deepseek_v3()},  // the same architecture, other weights
      {"deepseek-r1", deepseek_v3()},    // again
      {"deepseek-v3.2", deepseek_v32()},
      {"moonlight", moonlight()},
      {"kimi-k2", kimi_k2()},
      {"deepseek-67b", deepseek_67b()},
      {"r1-distill-qwen-1.5b", qwen({28, 1536, 12, 2, 128, 8960, 151936}, 10000, 1e-6)},
      {"r1-distill-qwen-7b", qwen({28, 3584, 28, 4, 128, 18944, 152064}, 10000, 1e-6)},
      {"r1-distill-qwen-14b", qwen({48, 5120, 40, 8, 128, 13824, 152064}, 1e6, 1e-5)},
      {"r1-distill-qwen-32b", qwen({64, 5120, 40, 8, 128, 27648, 152064}, 1e6, 1e-5)},
      {"r1-distill-llama-8b", llama3({32, 4096, 32, 8, 128, 14336, 128256})},
      {"r1-distill-llama-70b", llama3({80, 8192, 64, 8, 128, 28672, 128256})},
      {"qwen2.5-0.5b", qwen_half_b()},
      {"qwen3-0.6b", qwen3_small()},
      {"qwen3-8b", qwen3("qwen3", {36, 4096, 32, 8, 128, 12288, 151936})},
      {"qwen3-30b-a3b", qwen3_experts()},
      {"r1-0528-qwen3-8b", r1_qwen3()},
      {"demo", demo()},
  };
  return kPresets;
}

}  // namespace

std::vector<std::string> preset_names() {
  std::vector<std::string> names;
  for (const Preset& entry : presets()) names.push_back(entry.name);
  return names;
}

Result<ModelConfig> preset(const std::string& name) {
  for (const Preset& entry : presets())
    if (name == entry.name || "deepseek-" + name == entry.name) return entry.config;
  std::string near = nearest_word(name, preset_names());
  if (!near.empty())
    return Error{fmt::format("no model is named '{}'; did you mean '{}'?", name, near)};
  return Error{fmt::format("no model is named '{}'; the names are {}", name,
                           fmt::join(preset_names(), ", "))};
}

}  // namespace weir
