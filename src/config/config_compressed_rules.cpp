// The rules of compressed attention (DeepSeek-V4, V4.1) beyond the ranges of its fields.
#include <algorithm>
#include <utility>

#include <fmt/format.h>

#include "config/config_fields.h"

namespace weir {
namespace {

using C = ModelConfig;

constexpr int kOverlapping = 4, kMostPositions = 1024;
constexpr const char *kEntrySources = "kv_source_layer_ids",
                     *kChoiceSources = "index_source_layer_ids";

bool is_power_of_two(int n) { return n > 0 && (n & (n - 1)) == 0; }

bool is_ratio(const C& c, int ratio) {
  if (ratio == 0) return true;
  if (c.shares_entries()) return ratio == 1 || ratio == 2;
  return is_power_of_two(ratio) && ratio >= kOverlapping && ratio <= kMostPositions;
}

Result<void> validate_sources(const C& c) {
  const auto are_layers = [&](const std::vector<int>& layers) {
    return std::is_sorted(layers.begin(), layers.end()) &&
           std::adjacent_find(layers.begin(), layers.end()) == layers.end() &&
           (layers.empty() || layers.back() < c.num_hidden_layers);
  };
  for (const auto& [key, layers] : {std::pair(kEntrySources, &c.kv_source_layer_ids),
                                    std::pair(kChoiceSources, &c.index_source_layer_ids)}) {
    TRY(require(are_layers(*layers),
                fmt::format("'{}' must name layers of the model in rising order", key)));
    for (int layer : *layers)
      TRY(require(
          c.compress_ratio(layer) > 0,
          fmt::format("'{}' names layer {}, whose number in 'compress_ratios' is 0", key, layer)));
  }
  for (int layer : c.kv_source_layer_ids)
    TRY(require(std::find(c.index_source_layer_ids.begin(), c.index_source_layer_ids.end(),
                          layer) != c.index_source_layer_ids.end(),
                fmt::format("layer {} of '{}' must be in '{}' too: choices are of its entries",
                            layer, kEntrySources, kChoiceSources)));
  TRY(require(c.candidate_source_layer_id < 0 ||
                  (int64_t(c.candidate_topk_blocks) - 1) * c.candidate_block_size >= c.index_topk,
              fmt::format("'candidate_topk_blocks' blocks of {} hold fewer "
                          "than the 'index_topk' {} "
                          "entries that are chosen of them",
                          c.candidate_block_size, c.index_topk)));
  int source_ratio = 0;
  bool has_choice = false;
  for (int layer = 0; layer < c.num_hidden_layers; ++layer) {
    const auto names = [&](const std::vector<int>& ids) {
      return std::find(ids.begin(), ids.end(), layer) != ids.end();
    };
    if (names(c.kv_source_layer_ids)) source_ratio = c.compress_ratio(layer);
    if (names(c.index_source_layer_ids)) has_choice = true;
    const int ratio = c.compress_ratio(layer);
    TRY(require(ratio == 0 || ratio == source_ratio,
                fmt::format("layer {} has the number {} in 'compress_ratios', "
                            "but the source of "
                            "entries at or before it has {}",
                            layer, ratio, source_ratio)));
    TRY(require(ratio == 0 || has_choice,
                fmt::format("no layer of '{}' stands at or before layer {}, which has entries",
                            kChoiceSources, layer)));
  }
  return {};
}

// The stages stand after the layers, and read layers of the model.
Result<void> validate_dspark(const C& c) {
  if (!c.has_dspark())
    return require(!c.shares_entries() || c.num_nextn_predict_layers == 0,
                   fmt::format("'model_type' '{}' has no multi-token prediction but DSpark, whose "
                               "'dspark_target_layer_ids' are missing",
                               c.model_type));
  const std::vector<int>& layers = c.dspark_target_layer_ids;
  TRY(require(c.num_nextn_predict_layers > 0,
              "'dspark_target_layer_ids' goes with 'num_nextn_predict_layers', the number of "
              "stages, which is 0"));
  TRY(require(std::is_sorted(layers.begin(), layers.end()) &&
                  std::adjacent_find(layers.begin(), layers.end()) == layers.end() &&
                  layers.back() < c.num_hidden_layers &&
                  int64_t(layers.size()) * c.hidden_size <= kWidthMax,
              "'dspark_target_layer_ids' must name layers of the model in rising order"));
  TRY(require(c.dspark_noise_token_id >= 0 && c.dspark_noise_token_id < c.vocab_size,
              fmt::format("'dspark_noise_token_id' {} is outside the vocabulary of {}",
                          c.dspark_noise_token_id, c.vocab_size)));
  return require(c.dspark_block_size > 0 && c.dspark_markov_rank > 0 &&
                     c.dspark_num_experts_per_tok > 0 &&
                     c.dspark_num_experts_per_tok <= c.dspark_n_routed_experts,
                 "DSpark needs a block, a Markov rank, and at least as many experts as a token "
                 "chooses");
}

}  // namespace

Result<void> validate_compressed(const ModelConfig& c) {
  TRY(require(c.head_dim % 2 == 0, "'head_dim' must be even"));
  TRY(require(c.qk_rope_head_dim % 2 == 0 && c.qk_rope_head_dim >= 2 &&
                  c.qk_rope_head_dim <= c.head_dim && c.qk_rope_head_dim <= c.index_head_dim,
              "'qk_rope_head_dim' must be even, at least 2 and not above "
              "'head_dim' and "
              "'index_head_dim'"));
  TRY(require(c.num_attention_heads % c.o_groups == 0,
              fmt::format("'num_attention_heads' {} must be a multiple of 'o_groups' {}",
                          c.num_attention_heads, c.o_groups)));
  TRY(require(int64_t(c.o_groups) * c.o_lora_rank <= kWidthMax &&
                  int64_t(c.hc_mult) * c.hidden_size <= kWidthMax,
              "'o_groups' times 'o_lora_rank' and 'hc_mult' times "
              "'hidden_size' are too wide"));
  TRY(require(c.compress_ratios.size() == size_t(c.num_hidden_layers),
              fmt::format("'compress_ratios' has {} numbers for {} layers",
                          c.compress_ratios.size(), c.num_hidden_layers)));
  for (int ratio : c.compress_ratios)
    TRY(require(is_ratio(c, ratio),
                c.shares_entries()
                    ? fmt::format("'compress_ratios' has {}, but 0, 1 and 2 are known", ratio)
                    : fmt::format("'compress_ratios' has {}, but 0 (the window alone), 4 "
                                  "(overlapping groups) and powers of two from 8 to {} are "
                                  "known",
                                  ratio, kMostPositions)));
  TRY(require(c.n_routed_experts > 0 && c.first_k_dense_replace == 0 && c.moe_layer_freq == 1,
              fmt::format("'model_type' '{}' has experts in every layer", c.model_type)));
  TRY(require(c.num_hash_layers >= 0 && c.num_hash_layers <= c.num_hidden_layers,
              fmt::format("'num_hash_layers' {} must be from 0 to {}, the number of layers",
                          c.num_hash_layers, c.num_hidden_layers)));
  TRY(require(c.gate == GateKind::sqrt_softplus && c.has_gate_bias && c.norm_topk_prob,
              fmt::format("'model_type' '{}' goes with 'scoring_func' "
                          "sqrtsoftplus, 'topk_method' "
                          "noaux_tc and 'norm_topk_prob' true",
                          c.model_type)));
  TRY(require(!c.tie_word_embeddings,
              fmt::format("'tie_word_embeddings' is false with 'model_type' '{}'", c.model_type)));
  TRY(validate_rope(c.compress_rope));
  TRY(validate_dspark(c));
  return c.shares_entries() ? validate_sources(c) : Result<void>{};
}

}  // namespace weir
