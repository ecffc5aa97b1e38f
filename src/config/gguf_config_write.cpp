// Metadata from a configuration.
#include <fmt/format.h>

#include <cmath>
#include <string_view>

#include "config/gguf_architectures.h"
#include "config/gguf_config.h"
#include "config/rope_table.h"

namespace weir {

std::vector<float> gguf_rope_factors(const ModelConfig& config) {
  if (config.rope.scaling != RopeScaling::llama3) return {};
  const std::vector<double> scaled = rope_frequencies(config.rope, config.head_dim);
  std::vector<float> factors;
  for (size_t i = 0; i < scaled.size(); ++i)
    factors.push_back(
        float(std::pow(config.rope.theta, -2.0 * double(i) / config.head_dim) / scaled[i]));
  return factors;
}

namespace {

class MetadataWriter {
 public:
  MetadataWriter(const ModelConfig& config, const GgufArchitecture& architecture,
                 GgufMetadata& metadata)
      : config_(config), architecture_(architecture), metadata_(metadata) {}
  void write();

 private:
  void integer(const char* name, int64_t value) { metadata_.set(key(name), value); }
  void real(const char* name, double value) { metadata_.set(key(name), value); }
  std::string key(const char* name) const { return fmt::format("{}.{}", architecture_.name, name); }
  void latent_attention();
  void rope();
  void experts();
  const ModelConfig& config_;
  const GgufArchitecture& architecture_;
  GgufMetadata& metadata_;
};

// Attention over latents is, to llama.cpp, attention with one head of keys and values.
void MetadataWriter::latent_attention() {
  const ModelConfig& c = config_;
  integer("attention.head_count_kv", 1);
  if (c.q_lora_rank > 0) integer("attention.q_lora_rank", c.q_lora_rank);
  integer("attention.kv_lora_rank", c.kv_lora_rank);
  integer("attention.key_length", c.kv_lora_rank + c.qk_rope_head_dim);
  integer("attention.value_length", c.kv_lora_rank);
  integer("attention.key_length_mla", c.qk_nope_head_dim + c.qk_rope_head_dim);
  integer("attention.value_length_mla", c.v_head_dim);
  if (!c.is_sparse()) return;
  integer("attention.indexer.head_count", c.index_n_heads);
  integer("attention.indexer.key_length", c.index_head_dim);
  integer("attention.indexer.top_k", c.index_topk);
}

void MetadataWriter::rope() {
  const RopeConfig& r = config_.rope;
  const bool is_latent = config_.attention == AttentionKind::mla;
  integer("rope.dimension_count", is_latent ? config_.qk_rope_head_dim : config_.head_dim);
  real("rope.freq_base", r.theta);
  if (r.scaling == RopeScaling::llama3)
    integer("rope.scaling.original_context_length", r.original_positions);
  if (r.scaling != RopeScaling::yarn && r.scaling != RopeScaling::linear) return;
  const bool is_linear = r.scaling == RopeScaling::linear;
  metadata_.set(key("rope.scaling.type"), std::string(is_linear ? "linear" : "yarn"));
  real("rope.scaling.factor", r.factor);
  if (is_linear) return;
  integer("rope.scaling.original_context_length", r.original_positions);
  if (is_latent) real("rope.scaling.yarn_log_multiplier", 0.1 * r.mscale_all_dim);
  if (!is_latent && r.attention_factor > 0)
    real("rope.scaling.attn_factor", r.attention_factor / (0.1 * std::log(r.factor) + 1));
  if (r.beta_fast != 32) real("rope.scaling.yarn_beta_fast", r.beta_fast);
  if (r.beta_slow != 1) real("rope.scaling.yarn_beta_slow", r.beta_slow);
}

void MetadataWriter::experts() {
  const ModelConfig& c = config_;
  if (std::string_view(architecture_.name) != "qwen3moe")
    integer("leading_dense_block_count",
            c.n_routed_experts > 0 ? c.first_k_dense_replace : c.num_hidden_layers);
  if (c.n_routed_experts == 0) return;
  integer("expert_count", c.n_routed_experts);
  integer("expert_used_count", c.num_experts_per_tok);
  integer("expert_feed_forward_length", c.moe_intermediate_size);
  integer("expert_shared_count", c.n_shared_experts);
  real("expert_weights_scale", c.routed_scaling_factor);
  metadata_.set(key("expert_weights_norm"), c.norm_topk_prob);
  integer("expert_gating_func", c.gate == GateKind::sigmoid ? kSigmoidGate : kSoftmaxGate);
  if (!architecture_.is_latent) return;
  integer("expert_group_count", c.n_group);
  integer("expert_group_used_count", c.topk_group);
}

void MetadataWriter::write() {
  const ModelConfig& c = config_;
  metadata_.set("general.architecture", std::string(architecture_.name));
  metadata_.set("general.type", std::string("model"));
  integer("block_count", c.num_hidden_layers + c.num_nextn_predict_layers);
  if (c.num_nextn_predict_layers > 0) integer("nextn_predict_layers", c.num_nextn_predict_layers);
  integer("context_length", c.max_position_embeddings);
  integer("embedding_length", c.hidden_size);
  integer("feed_forward_length", c.intermediate_size);
  integer("vocab_size", c.vocab_size);
  integer("attention.head_count", c.num_attention_heads);
  real("attention.layer_norm_rms_epsilon", c.rms_norm_eps);
  if (c.attention == AttentionKind::mla) {
    latent_attention();
  } else {
    integer("attention.head_count_kv", c.num_key_value_heads);
    integer("attention.key_length", c.head_dim);
    integer("attention.value_length", c.head_dim);
  }
  rope();
  if (architecture_.has_experts) experts();
}

// GGUF knows leading dense layers, and none in Qwen3's mixtures.
Result<void> check_layers(const ModelConfig& config, const GgufArchitecture& architecture) {
  if (config.n_routed_experts == 0) return {};
  const bool is_qwen = std::string_view(architecture.name) == "qwen3moe";
  const int dense = is_qwen ? 0 : config.first_k_dense_replace;
  for (int layer = 0; layer < config.num_hidden_layers; ++layer)
    if (config.is_moe(layer) != (layer >= dense))
      return Error{
          fmt::format("layer {} is {}, which a GGUF file of architecture '{}' can not "
                      "say; keep the model as a HuggingFace folder",
                      layer, config.is_moe(layer) ? "of experts" : "dense", architecture.name)};
  return {};
}

Result<void> check_rope(const ModelConfig& config) {
  const RopeConfig& rope = config.rope;
  const bool is_latent = config.attention == AttentionKind::mla;
  const char* key = nullptr;
  if (rope.scaling == RopeScaling::yarn && is_latent && rope.mscale != rope.mscale_all_dim)
    key = "'mscale' other than 'mscale_all_dim'";
  if (rope.scaling == RopeScaling::llama3 &&
      (rope.low_frequency_factor != 1 || rope.high_frequency_factor != 4))
    key = "'low_freq_factor' other than 1 or 'high_freq_factor' other than 4";
  if (!key) return {};
  return Error{
      fmt::format("{} can not be said in a GGUF file; keep the model as a HuggingFace "
                  "folder",
                  key)};
}

}  // namespace

Result<void> write_gguf_config(const ModelConfig& config, GgufMetadata& metadata) {
  std::string type = config.model_type;
  if (type == "deepseek_v3" || type == "kimi_k2") type = "deepseek_v2";
  for (const GgufArchitecture& architecture : kGgufArchitectures) {
    if (type != architecture.model_type) continue;
    TRY(check_layers(config, architecture));
    TRY(check_rope(config));
    if (config.attention == AttentionKind::mla && !config.rope.interleaved)
      return Error{
          "'rope_interleave' false can not be said in a GGUF file; keep the model as a "
          "HuggingFace folder"};
    MetadataWriter(config, architecture, metadata).write();
    return {};
  }
  return Error{
      fmt::format("'model_type' '{}' has no GGUF architecture; keep the model as a "
                  "HuggingFace folder",
                  config.model_type)};
}

}  // namespace weir
