#include "config/size.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/text.h"

namespace weir {
namespace {

using Tensors = std::vector<TensorShape>;

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
int64_t block_activations(const ModelConfig& c, int layer) {
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

}  // namespace

std::vector<LayerGroup> layer_groups(const ModelConfig& config) {
  std::vector<LayerGroup> groups;
  int layers = config.num_hidden_layers;
  for (int layer = 0; layer < layers + config.num_nextn_predict_layers; ++layer) {
    const char* kind = layer >= layers        ? "multi-token prediction"
                       : config.is_moe(layer) ? "experts"
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
  auto add = [&](const Tensors& tensors, int64_t layers) {
    for (const TensorShape& tensor : tensors) {
      int64_t all = tensor.elements() * layers;
      *parts[size_t(tensor.part)] += all;
      size.total += all;
      // Of the routed experts a token visits a few.
      if (tensor.copies > 1) all = all / tensor.copies * config.num_experts_per_tok;
      if (tensor.is_active) size.active += all;
    }
  };
  add(outer_tensors(config), 1);
  for (const LayerGroup& group : layer_groups(config)) {
    Tensors tensors = layer_tensors(config, group.first);
    if (group.first < config.num_hidden_layers) {
      add(tensors, group.count);
      continue;
    }
    for (const TensorShape& tensor : tensors) size.mtp += tensor.elements() * group.count;
  }
  return size;
}

std::string size_words(const ModelConfig& config) {
  const ModelSize size = model_size(config);
  return fmt::format("{} parameters, {} active per token; {} layers of width {}",
                     format_count(double(size.total + size.mtp)), format_count(double(size.active)),
                     config.num_hidden_layers, config.hidden_size);
}

CacheSize cache_size(const ModelConfig& config) {
  int64_t layers = config.num_hidden_layers;
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
  memory.panels = double(size.total + size.mtp - table - size.norms) * weight_bytes;
  int64_t per_layer = latent_cache ? cached_per_layer(config) : expanded_per_layer(config);
  memory.cache = double(per_layer) * config.num_hidden_layers * double(context) * sizeof(float);
  return memory;
}

int64_t activations_per_token(const ModelConfig& config, bool recompute) {
  int64_t sum = 0, largest = 0, hidden = config.hidden_size;
  int layers = config.num_hidden_layers, all = layers + config.num_nextn_predict_layers;
  for (int layer = 0; layer < all; ++layer) {
    int64_t block = block_activations(config, layer);
    // Embedding, the concatenation of two norms, its projection, the norm before the head.
    if (layer >= layers) sum += 2 * 5 * hidden;
    sum += recompute ? 2 * hidden : block;
    largest = std::max(largest, block);
  }
  sum += 2 * 2 * hidden;  // embedding and last norm
  return recompute ? sum + largest : sum;
}

int64_t choices_per_token(const ModelConfig& config, int64_t seen, bool recompute) {
  if (!config.is_sparse() || seen <= config.index_topk) return 0;
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
