// Metadata from a configuration.
#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <string_view>
#include <utility>

#include "config/config_fields.h"
#include "config/engram.h"
#include "config/gguf_config.h"
#include "config/rope_table.h"

namespace weir {

bool is_unabsorbed_gguf(const ModelConfig& config) {
  const ModelFamily* family = find_family(config.model_type);
  return family && family->traits.turns_halves;
}

bool permutes_gguf_rows(const ModelConfig& config) {
  const ModelFamily* family = find_family(config.model_type);
  return family && family->traits.permutes_gguf_rows;
}

std::vector<float> gguf_rope_factors(const ModelConfig& config) {
  if (config.rope.scaling == RopeScaling::longrope)
    return {config.rope.factors.begin(), config.rope.factors.end()};
  if (config.rope.scaling != RopeScaling::llama3) return {};
  const std::vector<double> scaled = rope_frequencies(config.rope, config.head_dim);
  std::vector<float> factors;
  for (size_t i = 0; i < scaled.size(); ++i)
    factors.push_back(
        float(std::pow(config.rope.theta, -2.0 * double(i) / config.head_dim) / scaled[i]));
  return factors;
}

namespace {

// The order of keys in a file, so that a model converted again has the same bytes. Other keys
// follow.
constexpr std::string_view kOrder =
    " block_count nextn_predict_layers context_length embedding_length feed_forward_length "
    "vocab_size attention.head_count attention.layer_norm_rms_epsilon "
    "attention.head_count_kv attention.q_lora_rank attention.kv_lora_rank "
    "attention.key_length attention.value_length attention.key_length_mla "
    "attention.value_length_mla attention.indexer.head_count attention.indexer.key_length "
    "attention.indexer.top_k rope.dimension_count rope.freq_base rope.scaling.type "
    "rope.scaling.factor rope.scaling.original_context_length "
    "rope.scaling.yarn_log_multiplier rope.scaling.attn_factor rope.scaling.yarn_beta_fast "
    "rope.scaling.yarn_beta_slow leading_dense_block_count expert_count expert_used_count "
    "expert_feed_forward_length expert_shared_count expert_weights_scale "
    "expert_weights_norm expert_gating_func expert_group_count expert_group_used_count "
    "attention.output_lora_rank attention.output_group_count attention.sliding_window "
    "attention.compress_ratios attention.compress_rope_freq_base hyper_connection.count "
    "hyper_connection.sinkhorn_iterations hyper_connection.epsilon hash_layer_count "
    "swiglu_clamp_exp swiglu_clamp_shexp ";

class MetadataWriter {
 public:
  MetadataWriter(const ModelConfig& config, const ModelFamily& family)
      : config_(config), family_(family) {}
  void write(GgufMetadata& metadata);

 private:
  void integer(const char* name, int64_t value) { values_.emplace_back(name, value); }
  void real(const char* name, double value) { values_.emplace_back(name, value); }
  void fields();
  void attention();
  void compressed();
  void rope();
  void experts();
  const ModelConfig& config_;
  const ModelFamily& family_;
  std::vector<std::pair<std::string, GgufValue>> values_;
};

// The keys that the table of fields names.
void MetadataWriter::fields() {
  for (const Field& field : config_fields()) {
    const GgufKey& gguf = field.gguf;
    if (!gguf.name || gguf.use == GgufKey::Use::read || !uses_part(config_, field.part)) continue;
    std::visit(
        [&](auto member) {
          if constexpr (std::is_member_pointer_v<decltype(member)>) {
            const auto& value = member_of(config_, member);
            using T = std::remove_cvref_t<decltype(value)>;
            if constexpr (std::is_same_v<T, int>) integer(gguf.name, value);
            if constexpr (std::is_same_v<T, double>) real(gguf.name, value);
            if constexpr (std::is_same_v<T, bool>) values_.emplace_back(gguf.name, value);
          }
        },
        field.value);
  }
}

// Attention over latents is, to llama.cpp, attention with one head of keys and values.
void MetadataWriter::attention() {
  const ModelConfig& c = config_;
  if (c.attention == AttentionKind::gqa) return integer("attention.value_length", c.head_dim);
  if (c.is_compressed()) return compressed();
  if (is_unabsorbed_gguf(c)) {
    integer("attention.head_count_kv", c.num_attention_heads);
    integer("attention.q_lora_rank", c.q_lora_rank);
    integer("attention.key_length", c.key_head_width());
    return integer("attention.value_length", c.v_head_dim);
  }
  integer("attention.head_count_kv", 1);
  if (c.q_lora_rank > 0) integer("attention.q_lora_rank", c.q_lora_rank);
  integer("attention.key_length", c.kv_lora_rank + c.qk_rope_head_dim);
  integer("attention.value_length", c.kv_lora_rank);
  integer("attention.key_length_mla", c.qk_nope_head_dim + c.qk_rope_head_dim);
  integer("attention.value_length_mla", c.v_head_dim);
  if (!c.shares_choices()) return;
  std::vector<bool> full;
  for (int layer = 0; layer < c.num_hidden_layers; ++layer) full.push_back(c.chooses_tokens(layer));
  values_.emplace_back("attention.indexer.types", std::move(full));
}

// Of the keys of llama.cpp's deepseek4 those that are no single number, or of no field alone.
void MetadataWriter::compressed() {
  const ModelConfig& c = config_;
  std::vector<int64_t> ratios(c.compress_ratios.begin(), c.compress_ratios.end());
  ratios.resize(size_t(c.num_hidden_layers + c.num_nextn_predict_layers));
  const std::vector<double> limits(ratios.size(), c.swiglu_limit);
  integer("attention.value_length", c.head_dim);  // else llama.cpp divides the width by the heads
  values_.emplace_back("attention.compress_ratios", std::move(ratios));
  real("attention.compress_rope_freq_base", c.compress_rope.theta);
  integer("hash_layer_count", c.num_hash_layers);
  values_.emplace_back("swiglu_clamp_exp", limits);
  values_.emplace_back("swiglu_clamp_shexp", limits);
}

void MetadataWriter::rope() {
  const bool is_latent = config_.attention == AttentionKind::mla;
  const RopeConfig& r = config_.is_compressed() ? config_.compress_rope : config_.rope;
  integer("rope.dimension_count", config_.rotated_width());
  if (r.scaling == RopeScaling::yarn || r.scaling == RopeScaling::llama3 ||
      r.scaling == RopeScaling::longrope)
    integer("rope.scaling.original_context_length", r.original_positions);
  const bool is_yarn = r.scaling == RopeScaling::yarn;
  if (!is_yarn && r.scaling != RopeScaling::linear) return;
  values_.emplace_back("rope.scaling.type", std::string(is_yarn ? "yarn" : "linear"));
  real("rope.scaling.factor", r.factor);
  if (!is_yarn) return;
  if (is_latent) real("rope.scaling.yarn_log_multiplier", 0.1 * r.mscale_all_dim);
  if (r.query_beta > 0) {
    real("attention.temperature_scale", r.query_beta);
    integer("attention.temperature_length", r.original_positions);
  }
  if (!is_latent && !config_.is_compressed() && r.attention_factor > 0)
    real("rope.scaling.attn_factor", r.attention_factor / (0.1 * std::log(r.factor) + 1));
  if (r.beta_fast != 32) real("rope.scaling.yarn_beta_fast", r.beta_fast);
  if (r.beta_slow != 1) real("rope.scaling.yarn_beta_slow", r.beta_slow);
}

void MetadataWriter::experts() {
  const ModelConfig& c = config_;
  if (has_part(c, Part::deepseek_experts))
    integer("leading_dense_block_count",
            c.n_routed_experts > 0 ? c.first_k_dense_replace : c.num_hidden_layers);
  if (!uses_part(c, Part::experts)) return;
  integer("expert_count", c.n_routed_experts);
  if (has_part(c, Part::qwen_experts)) {  // what Qwen's config.json has no keys for
    integer("expert_shared_count", c.n_shared_experts);
    real("expert_weights_scale", c.routed_scaling_factor);
  }
  integer("expert_gating_func", c.gate == GateKind::sigmoid   ? kSigmoidGate
                                : c.gate == GateKind::softmax ? kSoftmaxGate
                                                              : kSqrtSoftplusGate);
  if (c.attention != AttentionKind::mla) return;
  integer("expert_group_count", c.n_group);
  integer("expert_group_used_count", c.topk_group);
}

void MetadataWriter::write(GgufMetadata& metadata) {
  const ModelConfig& c = config_;
  const int modules = c.num_nextn_predict_layers;
  integer("block_count", c.num_hidden_layers + modules);
  if (modules > 0) integer("nextn_predict_layers", modules);
  fields();
  attention();
  rope();
  experts();
  const auto place = [](const std::pair<std::string, GgufValue>& entry) {
    return kOrder.find(fmt::format(" {} ", entry.first));
  };
  std::stable_sort(values_.begin(), values_.end(),
                   [&](const auto& a, const auto& b) { return place(a) < place(b); });
  metadata.set("general.architecture", std::string(family_.gguf_architecture));
  metadata.set("general.type", std::string("model"));
  for (auto& [name, value] : values_)
    metadata.set(fmt::format("{}.{}", family_.gguf_architecture, name), std::move(value));
}

// GGUF can state how many leading layers are dense, and in Qwen's mixtures not even that.
Result<void> check_layers(const ModelConfig& config, const ModelFamily& family) {
  if (config.n_routed_experts == 0) return {};
  const int dense = has_part(config, Part::deepseek_experts) ? config.first_k_dense_replace : 0;
  for (int layer = 0; layer < config.num_hidden_layers; ++layer)
    if (config.is_moe(layer) != (layer >= dense))
      return Error{fmt::format(
          "layer {} is {}, which a GGUF file of architecture '{}' can not "
          "say; keep the model as a HuggingFace folder",
          layer, config.is_moe(layer) ? "of experts" : "dense", family.gguf_architecture)};
  return {};
}

// llama.cpp's minicpm3 has MiniCPM3-4B's multipliers and values as wide as hidden / heads.
Result<void> check_minicpm(const ModelConfig& c) {
  if (!is_unabsorbed_gguf(c)) return {};
  const bool is_published = c.scale_emb == 12 && c.scale_depth == 1.4 && c.dim_model_base == 256;
  if (is_published && c.q_lora_rank > 0 && c.v_head_dim * c.num_attention_heads == c.hidden_size)
    return {};
  return Error{fmt::format(
      "'scale_emb' {}, 'scale_depth' {}, 'dim_model_base' {}, 'q_lora_rank' {} and 'v_head_dim' {} "
      "can not be said in a GGUF file, whose readers take 12, 1.4, 256, one above 0 and {}; keep "
      "the model as a HuggingFace folder",
      c.scale_emb, c.scale_depth, c.dim_model_base, c.q_lora_rank, c.v_head_dim,
      c.hidden_size / c.num_attention_heads)};
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
  const ModelFamily* family = find_family(config.model_type);
  if (!family)
    return Error{
        fmt::format("'model_type' '{}' has no GGUF architecture; keep the model as a "
                    "HuggingFace folder",
                    config.model_type)};
  if (config.shares_entries())
    return Error{
        fmt::format("'model_type' '{}' has no GGUF form yet; keep the model as a HuggingFace "
                    "folder",
                    config.model_type)};
  if (has_engram(config))
    return Error{
        "tables of n-grams ('engram_layer_ids') have no GGUF form; keep the model as a HuggingFace "
        "folder"};
  TRY(check_layers(config, *family));
  TRY(check_rope(config));
  TRY(check_minicpm(config));
  if (config.attention == AttentionKind::mla && !config.rope.interleaved &&
      !is_unabsorbed_gguf(config))
    return Error{
        "'rope_interleave' false can not be said in a GGUF file; keep the model as a "
        "HuggingFace folder"};
  MetadataWriter(config, *family).write(metadata);
  return {};
}

}  // namespace weir
