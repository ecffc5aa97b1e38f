// Writing config.json, and the rules that a configuration must keep.
#include <fmt/format.h>

#include <algorithm>

#include "model/config.h"
#include "model/config_families.h"

namespace weir {
namespace {

Json token_id(int id) { return id < 0 ? Json() : Json(id); }

// Under both names that readers look for.
Json rope_scaling(const RopeConfig& rope) {
  if (rope.scaling == RopeScaling::none) return {};
  Json json = Json::object();
  const char* type = rope.scaling == RopeScaling::yarn ? "yarn" : "llama3";
  json.set("type", type);
  json.set("rope_type", type);
  json.set("factor", rope.factor);
  json.set("original_max_position_embeddings", rope.original_positions);
  if (rope.scaling == RopeScaling::yarn) {
    json.set("beta_fast", rope.beta_fast);
    json.set("beta_slow", rope.beta_slow);
    json.set("mscale", rope.mscale);
    json.set("mscale_all_dim", rope.mscale_all_dim);
  } else {
    json.set("low_freq_factor", rope.low_frequency_factor);
    json.set("high_freq_factor", rope.high_frequency_factor);
  }
  return json;
}

void write_attention(const ModelConfig& config, Json& json) {
  json.set("num_attention_heads", config.num_attention_heads);
  if (config.attention == AttentionKind::mla) {
    json.set("num_key_value_heads", config.num_attention_heads);
    json.set("q_lora_rank", config.q_lora_rank == 0 ? Json() : Json(config.q_lora_rank));
    json.set("kv_lora_rank", config.kv_lora_rank);
    json.set("qk_nope_head_dim", config.qk_nope_head_dim);
    json.set("qk_rope_head_dim", config.qk_rope_head_dim);
    json.set("v_head_dim", config.v_head_dim);
    json.set("rope_interleave", config.rope.interleaved);
  } else {
    json.set("num_key_value_heads", config.num_key_value_heads);
    json.set("head_dim", config.head_dim);
  }
  if (config.model_type == "qwen2")
    json.set("use_sliding_window", false);
  else
    json.set("attention_bias", false);
  json.set("rope_theta", config.rope.theta);
  json.set("rope_scaling", rope_scaling(config.rope));
}

void write_experts(const ModelConfig& config, Json& json) {
  json.set("n_routed_experts", config.n_routed_experts);
  json.set("n_shared_experts", config.n_shared_experts);
  json.set("num_experts_per_tok", config.num_experts_per_tok);
  json.set("moe_intermediate_size", config.moe_intermediate_size);
  // Readers without the notion of 0 experts see that every layer is dense.
  json.set("first_k_dense_replace",
           config.n_routed_experts == 0 ? config.num_hidden_layers : config.first_k_dense_replace);
  json.set("moe_layer_freq", config.moe_layer_freq);
  json.set("scoring_func", config.gate == GateKind::softmax ? "softmax" : "sigmoid");
  json.set("topk_method", config.has_gate_bias                  ? "noaux_tc"
                          : config.group_kind == GroupKind::max ? "group_limited_greedy"
                                                                : "greedy");
  json.set("n_group", config.n_group);
  json.set("topk_group", config.topk_group);
  json.set("norm_topk_prob", config.norm_topk_prob);
  json.set("routed_scaling_factor", config.routed_scaling_factor);
}

Result<void> require(bool holds, const std::string& message) {
  if (holds) return {};
  return Error{message};
}

Result<void> in_range(const char* key, int value, int low, int high) {
  return require(value >= low && value <= high,
                 fmt::format("'{}' must be from {} to {}, not {}", key, low, high, value));
}

Result<void> validate_attention(const ModelConfig& c) {
  if (c.attention == AttentionKind::mla) {
    TRY(in_range("q_lora_rank", c.q_lora_rank, 0, kWidthMax));
    TRY(in_range("kv_lora_rank", c.kv_lora_rank, 1, kWidthMax));
    TRY(in_range("qk_nope_head_dim", c.qk_nope_head_dim, 1, kHeadMax));
    TRY(in_range("qk_rope_head_dim", c.qk_rope_head_dim, 2, kHeadMax));
    TRY(in_range("v_head_dim", c.v_head_dim, 1, kHeadMax));
    TRY(require(c.qk_rope_head_dim % 2 == 0, "'qk_rope_head_dim' must be even"));
    TRY(require(c.rope.interleaved || c.model_type != "deepseek_v2",
                "'rope_interleave' is always true with 'model_type' 'deepseek_v2'"));
  } else {
    TRY(in_range("num_key_value_heads", c.num_key_value_heads, 1, kHeadsMax));
    TRY(in_range("head_dim", c.head_dim, 2, kHeadMax));
    TRY(require(c.head_dim % 2 == 0, "'head_dim' must be even"));
    TRY(require(
        c.num_attention_heads % c.num_key_value_heads == 0,
        fmt::format("'num_attention_heads' {} must be a multiple of 'num_key_value_heads' {}",
                    c.num_attention_heads, c.num_key_value_heads)));
    TRY(require(!c.rope.interleaved, "interleaved rotary positions go with latent attention only"));
  }
  TRY(require(c.attention_bias == (c.model_type == "qwen2"),
              "biases on q, k and v go with 'model_type' 'qwen2' and with no other"));
  const RopeConfig& rope = c.rope;
  TRY(require(rope.theta >= 1 && rope.factor >= 1, "'rope_theta' and 'factor' must be at least 1"));
  if (rope.scaling == RopeScaling::none) return {};
  TRY(in_range("original_max_position_embeddings", rope.original_positions, 1, kPositionsMax));
  if (rope.scaling == RopeScaling::yarn) {
    TRY(require(rope.theta > 1, "'rope_theta' must be above 1 with yarn"));
    return require(rope.beta_slow > 0 && rope.beta_fast >= rope.beta_slow,
                   "'beta_fast' must not be below 'beta_slow'");
  }
  return require(
      rope.low_frequency_factor > 0 && rope.high_frequency_factor > rope.low_frequency_factor,
      "'high_freq_factor' must be above 'low_freq_factor'");
}

Result<void> validate_experts(const ModelConfig& c) {
  TRY(in_range("n_routed_experts", c.n_routed_experts, 1, kExpertsMax));
  TRY(in_range("n_shared_experts", c.n_shared_experts, 0, kExpertsMax));
  TRY(in_range("num_experts_per_tok", c.num_experts_per_tok, 1, c.n_routed_experts));
  TRY(in_range("moe_intermediate_size", c.moe_intermediate_size, 1, kWidthMax));
  TRY(require(int64_t(c.n_shared_experts) * c.moe_intermediate_size <= kWidthMax,
              "the shared experts are too wide together"));
  TRY(in_range("first_k_dense_replace", c.first_k_dense_replace, 0, kLayersMax));
  TRY(in_range("moe_layer_freq", c.moe_layer_freq, 1, kLayersMax));
  TRY(in_range("n_group", c.n_group, 1, std::min(c.n_routed_experts, kGroupsMax)));
  TRY(in_range("topk_group", c.topk_group, 1, c.n_group));
  TRY(require(c.routed_scaling_factor > 0, "'routed_scaling_factor' must be above 0"));
  TRY(require(!c.has_gate_bias || c.gate == GateKind::sigmoid,
              "'topk_method' 'noaux_tc' goes with 'scoring_func' 'sigmoid' only"));
  if (c.group_kind == GroupKind::none)
    return require(c.n_group == 1, "'n_group' must be 1 without a group-limited 'topk_method'");
  TRY(require((c.group_kind == GroupKind::top2_sum) == c.has_gate_bias,
              "groups are ranked by two scores with 'noaux_tc' and by one without"));
  TRY(require(c.n_routed_experts % c.n_group == 0,
              fmt::format("'n_routed_experts' {} must be a multiple of 'n_group' {}",
                          c.n_routed_experts, c.n_group)));
  int group = c.n_routed_experts / c.n_group;
  TRY(require(c.group_kind == GroupKind::max || group >= 2,
              "'noaux_tc' needs groups of at least two experts"));
  return require(c.num_experts_per_tok <= c.topk_group * group,
                 fmt::format("'num_experts_per_tok' {} must not exceed the {} experts of "
                             "'topk_group' groups",
                             c.num_experts_per_tok, c.topk_group * group));
}

}  // namespace

Result<void> validate(const ModelConfig& c) {
  const ModelFamily* family = find_family(c.model_type);
  if (!family) return Error{fmt::format("'model_type' '{}' is not supported", c.model_type)};
  TRY(require(family->defaults.attention == c.attention,
              fmt::format("'model_type' '{}' goes with another kind of attention", c.model_type)));
  TRY(in_range("vocab_size", c.vocab_size, 1, kVocabularyMax));
  TRY(in_range("hidden_size", c.hidden_size, 1, kWidthMax));
  TRY(in_range("num_hidden_layers", c.num_hidden_layers, 1, kLayersMax));
  TRY(in_range("num_attention_heads", c.num_attention_heads, 1, kHeadsMax));
  TRY(in_range("intermediate_size", c.intermediate_size, 1, kWidthMax));
  TRY(in_range("max_position_embeddings", c.max_position_embeddings, 1, kPositionsMax));
  TRY(in_range("bos_token_id", c.bos_token_id, -1, c.vocab_size - 1));
  TRY(in_range("eos_token_id", c.eos_token_id, -1, c.vocab_size - 1));
  TRY(in_range("num_nextn_predict_layers", c.num_nextn_predict_layers, 0, kMtpMax));
  TRY(require(c.rms_norm_eps > 0 && c.rms_norm_eps <= 0.1,
              "'rms_norm_eps' must be above 0 and at most 0.1"));
  TRY(require(c.initializer_range >= 0 && c.initializer_range <= 1,
              "'initializer_range' must be from 0 to 1"));
  TRY(require(family->has_mtp || c.num_nextn_predict_layers == 0,
              fmt::format("'model_type' '{}' has no multi-token prediction", c.model_type)));
  TRY(validate_attention(c));
  if (c.n_routed_experts == 0) return {};
  TRY(require(family->has_experts, fmt::format("'model_type' '{}' has no experts", c.model_type)));
  return validate_experts(c);
}

Json config_json(const ModelConfig& config) {
  const ModelFamily* family = find_family(config.model_type);
  Json json = Json::object();
  Json architectures = Json::array();
  architectures.push(family ? family->architecture : "");
  json.set("architectures", std::move(architectures));
  json.set("model_type", config.model_type);
  json.set("vocab_size", config.vocab_size);
  json.set("hidden_size", config.hidden_size);
  json.set("num_hidden_layers", config.num_hidden_layers);
  json.set("intermediate_size", config.intermediate_size);
  json.set("hidden_act", "silu");
  json.set("max_position_embeddings", config.max_position_embeddings);
  json.set("rms_norm_eps", config.rms_norm_eps);
  json.set("tie_word_embeddings", config.tie_word_embeddings);
  json.set("initializer_range", config.initializer_range);
  json.set("bos_token_id", token_id(config.bos_token_id));
  json.set("eos_token_id", token_id(config.eos_token_id));
  write_attention(config, json);
  if (family && family->has_experts) write_experts(config, json);
  if (family && family->has_mtp)
    json.set("num_nextn_predict_layers", config.num_nextn_predict_layers);
  return json;
}

}  // namespace weir
