// The rules that a configuration must keep beyond the ranges of its fields.
#include <fmt/format.h>

#include "config/config_fields.h"

namespace weir {
namespace {

// The parts that a family has and no other.
Result<void> validate_family(const ModelConfig& c, const ModelFamily& family) {
  const ModelConfig& d = family.defaults;
  const std::string type = fmt::format("'model_type' '{}'", c.model_type);
  TRY(require(d.attention == c.attention, type + " goes with another kind of attention"));
  TRY(require(family.traits.has_mtp || c.num_nextn_predict_layers == 0,
              type + " has no multi-token prediction"));
  TRY(require(c.is_sparse() == d.is_sparse() && c.head_norms == d.head_norms,
              type + " goes with other parts of attention"));
  TRY(require(c.attention_bias == d.attention_bias,
              "biases on q, k and v go with 'model_type' 'qwen2' and with no other"));
  return require(c.n_routed_experts == 0 || family.experts != ExpertKeys::none,
                 type + " has no experts");
}

// The indexer's keys begin with the rotated part, and its queries come from the query latent.
Result<void> validate_indexer(const ModelConfig& c) {
  if (!c.is_sparse()) return {};
  TRY(require(c.index_head_dim >= c.qk_rope_head_dim,
              fmt::format("'index_head_dim' {} must not be below 'qk_rope_head_dim' {}",
                          c.index_head_dim, c.qk_rope_head_dim)));
  return require(c.q_lora_rank > 0, "'q_lora_rank' must be above 0 with sparse attention");
}

Result<void> validate_attention(const ModelConfig& c, const ModelFamily& family) {
  if (c.is_compressed()) {
    TRY(require(c.shares_entries() == family.traits.shares_entries,
                fmt::format("'kv_source_layer_ids' goes with 'model_type' 'deepseek_v41', which "
                            "needs it, and with no other, not '{}'",
                            c.model_type)));
    TRY(validate_compressed(c));
  } else if (c.attention == AttentionKind::mla) {
    TRY(require(c.qk_rope_head_dim % 2 == 0, "'qk_rope_head_dim' must be even"));
    TRY(require(
        c.rope.interleaved || !family.traits.always_interleaves,
        fmt::format("'rope_interleave' is always true with 'model_type' '{}'", c.model_type)));
    TRY(require(
        !c.rope.interleaved || !family.traits.turns_halves,
        fmt::format("'rope_interleave' is always false with 'model_type' '{}'", c.model_type)));
    TRY(validate_indexer(c));
  } else {
    TRY(require(c.head_dim % 2 == 0, "'head_dim' must be even"));
    TRY(require(
        c.num_attention_heads % c.num_key_value_heads == 0,
        fmt::format("'num_attention_heads' {} must be a multiple of 'num_key_value_heads' {}",
                    c.num_attention_heads, c.num_key_value_heads)));
    TRY(require(!c.rope.interleaved, "interleaved rotary positions go with latent attention only"));
  }
  TRY(validate_rope(c.rope));
  const int rotated = c.rotated_width();
  const int64_t table = int64_t(c.max_position_embeddings) * rotated * int64_t(sizeof(float));
  return require(table <= kRopeTableMax,
                 fmt::format("'max_position_embeddings' {} needs rotary tables of {} bytes, more "
                             "than {}; lower it",
                             c.max_position_embeddings, table, kRopeTableMax));
}

Result<void> validate_groups(const ModelConfig& c) {
  if (c.group_kind == GroupKind::none)
    return require(c.n_group == 1, "'n_group' must be 1 without a group-limited 'topk_method'");
  TRY(require((c.group_kind == GroupKind::top2_sum) == c.has_gate_bias,
              "groups are ranked by two scores with 'noaux_tc' and by one without"));
  TRY(require(c.n_routed_experts % c.n_group == 0,
              fmt::format("'n_routed_experts' {} must be a multiple of 'n_group' {}",
                          c.n_routed_experts, c.n_group)));
  const int group = c.n_routed_experts / c.n_group;
  TRY(require(c.group_kind == GroupKind::max || group >= 2,
              "'noaux_tc' needs groups of at least two experts"));
  return require(c.num_experts_per_tok <= c.topk_group * group,
                 fmt::format("'num_experts_per_tok' {} must not exceed the {} experts of "
                             "'topk_group' groups",
                             c.num_experts_per_tok, c.topk_group * group));
}

Result<void> validate_experts(const ModelConfig& c, const ModelFamily& family) {
  const bool is_qwen = family.experts == ExpertKeys::qwen;
  TRY(require(int64_t(c.n_shared_experts) * c.moe_intermediate_size <= kWidthMax,
              "the shared experts are too wide together"));
  TRY(require(is_qwen || c.mlp_only_layers.empty(),
              "'mlp_only_layers' goes with 'model_type' 'qwen3_moe' only"));
  TRY(require(is_qwen == (c.moe_layer_phase == 1),
              "layers are counted from 1 in 'model_type' 'qwen3_moe' and in no other"));
  TRY(require(!c.has_gate_bias || c.gate == GateKind::sigmoid || c.is_compressed(),
              "'topk_method' 'noaux_tc' goes with 'scoring_func' 'sigmoid' only"));
  TRY(require(c.gate != GateKind::sqrt_softplus || c.is_compressed(),
              "'scoring_func' 'sqrtsoftplus' goes with DeepSeek-V4 only"));
  return validate_groups(c);
}

}  // namespace

Result<void> require(bool holds, const std::string& message) {
  if (holds) return {};
  return Error{message};
}

Result<void> validate(const ModelConfig& c) {
  const ModelFamily* family = find_family(c.model_type);
  if (!family) return Error{fmt::format("'model_type' '{}' is not supported", c.model_type)};
  TRY(validate_family(c, *family));
  TRY(check_fields(config_fields(), c));
  TRY(check_fields(rope_fields(), c));
  TRY(validate_attention(c, *family));
  TRY(validate_engram(c));
  return c.n_routed_experts == 0 ? Result<void>{} : validate_experts(c, *family);
}

}  // namespace weir
