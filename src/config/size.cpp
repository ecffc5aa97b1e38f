#include "config/size.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "base/text.h"
#include "config/engram.h"

namespace weir {
namespace {

using Tensors = std::vector<TensorShape>;

// Numbers that a position adds to a layer's entries and their index keys; V4.1's belong to the
// layers that make them.
double entry_numbers(const ModelConfig& c, int layer) {
  const int ratio = c.compress_ratio(layer);
  const std::vector<int>& sources = c.kv_source_layer_ids;
  const bool is_source =
      !c.shares_entries() || std::find(sources.begin(), sources.end(), layer) != sources.end();
  if (ratio == 0 || !is_source) return 0;
  const bool is_indexed = c.shares_entries() || ratio == 4;
  return double(c.head_dim + (is_indexed ? c.index_head_dim : 0)) / ratio;
}

// What weir keeps of a position in a layer: the row of the window, what entries are made of, and
// the entries (engine/kv_cache.h).
double compressed_per_layer(const ModelConfig& c, int layer) {
  const int ratio = c.compress_ratio(layer);
  double numbers = c.head_dim + entry_numbers(c, layer);
  if (ratio > 0) numbers += 2.0 * (ratio == 4 ? 2 : 1) * c.head_dim;
  if (ratio == 4) numbers += 4.0 * c.index_head_dim;
  return numbers;
}

int64_t cached_per_layer(const ModelConfig& c) {
  if (c.attention == AttentionKind::mla)
    return c.kv_lora_rank + c.qk_rope_head_dim + c.index_head_dim;
  return int64_t(2) * c.num_key_value_heads * c.head_dim;
}

int64_t expanded_per_layer(const ModelConfig& c) {
  return int64_t(c.kv_heads()) * (c.key_head_width() + c.value_head_width()) + c.index_head_dim;
}

// Data and gradient of everything a block computes for one token, except that the two additions to
// the residual stream (three with shared experts) take no gradient of their own.
int64_t compressed_activations(const ModelConfig& c, int layer) {
  const int64_t hidden = c.hidden_size, streams = c.hc_mult * hidden,
                ratio = c.compress_ratio(layer);
  const int64_t mixes = (2 + c.hc_mult) * c.hc_mult, chosen = c.num_experts_per_tok;
  // Two sites: streams normalised, mixed, collapsed, normalised and, as new streams, expanded.
  int64_t pairs = 2 * (2 * streams + 2 * mixes + 2 * hidden) + 2 * hidden;
  pairs += 2 * int64_t(c.q_lora_rank) + 3 * int64_t(c.query_width()) + 2 * int64_t(c.head_dim);
  pairs += int64_t(c.o_groups) * c.o_lora_rank;
  if (ratio > 0) pairs += 2 * (ratio == 4 ? 2 : 1) * int64_t(c.head_dim);
  if (ratio > 0) pairs += 2 * int64_t(c.head_dim) / ratio;
  pairs += c.n_routed_experts + chosen;
  pairs += chosen * (3 * int64_t(c.moe_intermediate_size) + hidden);
  pairs += int64_t(3) * c.n_shared_experts * c.moe_intermediate_size;
  const int64_t single = c.n_routed_experts + 3 * chosen + c.num_attention_heads + 2 * hidden + 6;
  return 2 * pairs + single;
}

// Rows read, keys and value; the residual; numbers of the rows.
int64_t engram_activations(const ModelConfig& c, int layer) {
  if (engram_number(c, layer) < 0) return 0;
  const int64_t read = int64_t(engram_columns(c)) * c.engram_head_dim, streams = engram_streams(c);
  return 2 * (read + (streams + 1) * c.hidden_size) + streams * c.hidden_size + engram_columns(c);
}

// What a module of multi-token prediction has beside its block: embedding, norms, projections, and
// the norm before the head.
int64_t further_activations(const ModelConfig& c) {
  const int64_t hidden = c.hidden_size, streams = c.hc_mult * hidden;
  if (!c.is_compressed()) return 2 * 5 * hidden;
  // Streams are made of both parts, normalised and collapsed; their sum takes no gradient of its
  // own.
  return 2 * (5 * hidden + 3 * streams + 2 * c.hc_mult) + streams + c.hc_mult + 3;
}

int64_t own_activations(const ModelConfig& c, int layer) {
  if (c.is_compressed()) return compressed_activations(c, layer);
  int64_t hidden = c.hidden_size, heads = c.num_attention_heads, pairs = 0, single = 0;
  pairs += 2 * hidden + c.query_width() + heads * c.value_head_width();  // norms, q, attention
  single += 2 + 2 * heads;                                               // their statistics
  if (c.attention == AttentionKind::mla)
    pairs += 2 * int64_t(c.q_lora_rank) + 2 * int64_t(c.kv_lora_rank) + c.qk_rope_head_dim +
             heads * (c.qk_nope_head_dim + c.v_head_dim);
  else
    pairs += int64_t(2) * c.num_key_value_heads * c.head_dim;
  if (c.head_norms) {  // another copy of queries and keys, a statistic per head
    pairs += c.query_width() + c.num_key_value_heads * c.head_dim;
    single += heads + c.num_key_value_heads;
  }
  single += 2 * hidden;  // residual after attention, after the feed-forward part
  if (!has_experts(c, layer)) return 2 * (pairs + 3 * int64_t(c.intermediate_size)) + single;
  int64_t chosen = c.num_experts_per_tok;
  pairs += c.n_routed_experts + chosen;  // logits, weights
  single += c.n_routed_experts + 3 * chosen;
  pairs += chosen * (3 * int64_t(c.moe_intermediate_size) + hidden);
  pairs += int64_t(3) * c.n_shared_experts * c.moe_intermediate_size;
  if (c.n_shared_experts > 0) single += hidden;
  return 2 * pairs + single;
}

int64_t block_activations(const ModelConfig& c, int layer) {
  return own_activations(c, layer) + engram_activations(c, layer);
}

}  // namespace

namespace {

const char* compressed_kind(const ModelConfig& c, int layer) {
  const int ratio = c.compress_ratio(layer);
  if (c.is_hashed(layer))
    return ratio == 0   ? "window, experts by token"
           : ratio == 4 ? "chosen entries, experts by token"
                        : "entries, experts by token";
  return ratio == 0   ? "window, experts"
         : ratio == 4 ? "chosen entries, experts"
                      : "entries, experts";
}

}  // namespace

std::vector<LayerGroup> layer_groups(const ModelConfig& config) {
  std::vector<LayerGroup> groups;
  int layers = config.num_hidden_layers;
  for (int layer = 0; layer < layers + config.num_nextn_predict_layers; ++layer) {
    const char* kind = layer >= layers          ? "multi-token prediction"
                       : config.is_compressed() ? compressed_kind(config, layer)
                       : config.is_moe(layer)   ? "experts"
                                                : "dense";
    if (!groups.empty() && std::string(groups.back().kind) == kind)
      ++groups.back().count;
    else
      groups.push_back({kind, layer, 1});
  }
  return groups;
}

ModelSize model_size(const ModelConfig& config) {
  ModelSize size;
  int64_t* parts[] = {&size.embedding, &size.attention, &size.dense_mlp,
                      &size.experts,   &size.router,    &size.norms};
  auto add = [&](const Tensors& tensors) {
    for (const TensorShape& tensor : tensors) {
      int64_t all = tensor.elements();
      *parts[size_t(tensor.part)] += all;
      size.total += all;
      // Of the routed experts a token visits a few.
      if (tensor.copies > 1) all = all / tensor.copies * config.num_experts_per_tok;
      if (tensor.is_active) size.active += all;
    }
  };
  add(outer_tensors(config));
  const int layers = config.num_hidden_layers;
  for (int layer = 0; layer < layers + config.num_nextn_predict_layers; ++layer) {
    const Tensors tensors = layer_tensors(config, layer);
    if (layer < layers) {
      add(tensors);
      continue;
    }
    for (const TensorShape& tensor : tensors) size.mtp += tensor.elements();
  }
  return size;
}

std::string size_words(const ModelConfig& config) {
  const ModelSize size = model_size(config);
  return fmt::format("{} parameters, {} active per token; {} layers of width {}",
                     format_count(double(size.total + size.mtp)), format_count(double(size.active)),
                     config.num_hidden_layers, config.hidden_size);
}

double served_cache_bytes(const ModelConfig& config) {
  if (!config.is_compressed()) return 0;
  // Bytes of an entry and of an index key. V4: E4M3 with a scale for 64 columns, rounded up to 8,
  // rotated columns in BF16; both: E2M1 with a scale for 16 (entries) or 32 columns (keys).
  const double width = config.head_dim, rotated = config.qk_rope_head_dim;
  const double entry =
      config.shares_entries()
          ? width / 2 + width / 16
          : std::ceil((width - rotated + 2 * rotated + (width - rotated) / 64) / 8) * 8;
  const double key = config.index_head_dim / 2.0 + config.index_head_dim / 32.0;
  double bytes = 0;
  for (int layer = 0; layer < config.num_hidden_layers; ++layer) {
    const int ratio = config.compress_ratio(layer);
    if (entry_numbers(config, layer) == 0) continue;
    const bool is_indexed = config.shares_entries() || ratio == 4;
    bytes += (entry + (is_indexed ? key : 0)) / ratio;
  }
  return bytes;
}

CacheSize cache_size(const ModelConfig& config) {
  int64_t layers = config.num_hidden_layers;
  if (config.is_compressed()) {
    double numbers = 0;
    for (int layer = 0; layer < config.num_hidden_layers; ++layer)
      numbers += entry_numbers(config, layer);
    return {int64_t(std::llround(numbers)),
            layers * config.num_attention_heads * int64_t(2 * config.head_dim)};
  }
  return {layers * cached_per_layer(config),
          layers * config.num_attention_heads *
              int64_t(config.key_head_width() + config.value_head_width())};
}

CacheSavings cache_savings(const ModelConfig& config) {
  constexpr int64_t kDeepseek67b = int64_t(95) * 2 * 8 * 128;  // layers, k and v, heads, width
  CacheSize size = cache_size(config);
  CacheSavings savings;
  savings.dense_elements = kDeepseek67b;
  savings.own_heads = 1 - double(size.elements) / double(size.multi_head_elements);
  savings.dense = 1 - double(size.elements) / double(kDeepseek67b);
  savings.dense_six_bits = 1 - double(size.elements) * 6 / (double(kDeepseek67b) * 16);
  return savings;
}

double forward_flops_per_token(const ModelConfig& config, int context) {
  // Every active matrix element is one multiply-add; the few gains among them do not matter.
  double matrices = double(model_size(config).active);
  double seen = context / 2.0;
  if (config.is_compressed()) {
    double all = 0;  // numbers that are met, over all layers
    for (int layer = 0; layer < config.num_hidden_layers; ++layer) {
      const int ratio = config.compress_ratio(layer);
      double keys = std::min(seen, double(config.sliding_window));
      if (ratio > 0)
        keys += ratio == 4 ? std::min(seen / 4, double(config.index_topk)) : seen / ratio;
      all += 2.0 * config.num_attention_heads * config.head_dim * keys;
      if (ratio == 4) all += double(config.index_n_heads) * config.index_head_dim * seen / 4;
    }
    return 2 * (matrices + all);
  }
  double indexer = double(config.index_n_heads) * config.index_head_dim * seen;
  if (config.is_sparse()) seen = std::min(seen, double(config.index_topk));
  double attention = double(config.num_attention_heads) *
                     (config.key_head_width() + config.value_head_width()) * seen;
  return 2 * (matrices + config.num_hidden_layers * (attention + indexer));
}

InferenceMemory inference_memory(const ModelConfig& config, int weight_bytes, int64_t context,
                                 bool latent_cache) {
  ModelSize size = model_size(config);
  InferenceMemory memory;
  memory.weights = double(size.total + size.mtp) * weight_bytes;
  // The embedding's table is looked up by row and has panels only as the head.
  int64_t table = config.tie_word_embeddings ? 0 : int64_t(config.vocab_size) * config.hidden_size;
  table += engram_table_elements(config);
  memory.panels = double(size.total + size.mtp - table - size.norms) * weight_bytes;
  double numbers = 0;
  for (int layer = 0; layer < config.num_hidden_layers; ++layer)
    numbers += config.is_compressed() ? compressed_per_layer(config, layer)
               : latent_cache         ? double(cached_per_layer(config))
                                      : double(expanded_per_layer(config));
  memory.cache = numbers * double(context) * sizeof(float);
  return memory;
}

int64_t activations_per_token(const ModelConfig& config, bool recompute) {
  int64_t sum = 0, largest = 0, hidden = config.hidden_size;
  int layers = config.num_hidden_layers, all = layers + config.num_nextn_predict_layers;
  for (int layer = 0; layer < all; ++layer) {
    int64_t block = block_activations(config, layer);
    if (layer >= layers) sum += further_activations(config);
    sum += recompute ? 2 * hidden * std::max(1, config.hc_mult) : block;
    largest = std::max(largest, block);
  }
  if (config.is_compressed()) hidden *= 1 + config.hc_mult;  // and the streams at both ends
  sum += 2 * 2 * hidden;                                     // embedding and last norm
  return recompute ? sum + largest : sum;
}

int64_t choices_per_token(const ModelConfig& config, int64_t seen, bool recompute) {
  if (config.is_compressed() || !config.is_sparse() || seen <= config.index_topk) return 0;
  const int layers = config.num_hidden_layers + config.num_nextn_predict_layers;
  return int64_t(recompute ? 1 : layers) * config.index_topk;
}

TrainingMemory training_memory(const ModelConfig& config, int64_t tokens, bool recompute) {
  InferenceMemory inference = inference_memory(config, sizeof(float), 0, false);
  TrainingMemory memory;
  memory.weights = memory.gradients = inference.weights;
  memory.moments = 2 * inference.weights;
  memory.panels = 2 * inference.panels;
  const int64_t per_token =
      activations_per_token(config, recompute) + choices_per_token(config, tokens, recompute);
  memory.activations = double(per_token) * double(tokens) * sizeof(float);
  return memory;
}

}  // namespace weir
