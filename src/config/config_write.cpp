// Writing config.json, and the rules that a configuration must keep.
#include <fmt/format.h>

#include "config/config_reader.h"

namespace weir {
namespace {

Json token_id(int id) { return id < 0 ? Json() : Json(id); }

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
    if (config.is_sparse()) {
      json.set("index_n_heads", config.index_n_heads);
      json.set("index_head_dim", config.index_head_dim);
      json.set("index_topk", config.index_topk);
    }
  } else {
    json.set("num_key_value_heads", config.num_key_value_heads);
    json.set("head_dim", config.head_dim);
  }
  if (config.model_type.starts_with("qwen")) json.set("use_sliding_window", false);
  if (config.model_type != "qwen2") json.set("attention_bias", false);
  json.set("rope_theta", config.rope.theta);
  json.set("rope_scaling", rope_scaling_json(config.rope));
}

// The indexer's keys begin with the rotated part, and its queries come from the query latent.
Result<void> validate_indexer(const ModelConfig& c) {
  if (!c.is_sparse()) return {};
  TRY(in_range("index_n_heads", c.index_n_heads, 1, kHeadsMax));
  TRY(in_range("index_head_dim", c.index_head_dim, 2, kHeadMax));
  TRY(in_range("index_topk", c.index_topk, 1, kPositionsMax));
  TRY(require(c.index_head_dim >= c.qk_rope_head_dim,
              fmt::format("'index_head_dim' {} must not be below 'qk_rope_head_dim' {}",
                          c.index_head_dim, c.qk_rope_head_dim)));
  return require(c.q_lora_rank > 0, "'q_lora_rank' must be above 0 with sparse attention");
}

Result<void> validate_attention(const ModelConfig& c) {
  if (c.attention == AttentionKind::mla) {
    TRY(in_range("q_lora_rank", c.q_lora_rank, 0, kWidthMax));
    TRY(in_range("kv_lora_rank", c.kv_lora_rank, 1, kWidthMax));
    TRY(in_range("qk_nope_head_dim", c.qk_nope_head_dim, 1, kHeadMax));
    TRY(in_range("qk_rope_head_dim", c.qk_rope_head_dim, 2, kHeadMax));
    TRY(in_range("v_head_dim", c.v_head_dim, 1, kHeadMax));
    TRY(require(c.qk_rope_head_dim % 2 == 0, "'qk_rope_head_dim' must be even"));
    const bool must_interleave = c.model_type == "deepseek_v2" || c.is_sparse();
    TRY(require(
        c.rope.interleaved || !must_interleave,
        fmt::format("'rope_interleave' is always true with 'model_type' '{}'", c.model_type)));
    TRY(validate_indexer(c));
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
  return validate_rope(c.rope);
}

}  // namespace

Result<void> require(bool holds, const std::string& message) {
  if (holds) return {};
  return Error{message};
}

Result<void> in_range(const char* key, int value, int low, int high) {
  return require(value >= low && value <= high,
                 fmt::format("'{}' must be from {} to {}, not {}", key, low, high, value));
}

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
  TRY(require(
      c.is_sparse() == family->defaults.is_sparse() && c.head_norms == family->defaults.head_norms,
      fmt::format("'model_type' '{}' goes with other parts of attention", c.model_type)));
  TRY(validate_attention(c));
  const int rotated = c.attention == AttentionKind::mla ? c.qk_rope_head_dim : c.head_dim;
  const int64_t table = int64_t(c.max_position_embeddings) * rotated * int64_t(sizeof(float));
  TRY(require(table <= kRopeTableMax,
              fmt::format("'max_position_embeddings' {} needs rotary tables of {} bytes, more than "
                          "{}; lower it",
                          c.max_position_embeddings, table, kRopeTableMax)));
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
