#include "config/size.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/text.h"

namespace weir {
namespace {

using Tensors = std::vector<TensorShape>;

uint64_t count(int n) { return uint64_t(n); }

void add_matrix(Tensors& out, std::string name, int rows, int cols, ModelPart part,
                int copies = 1) {
  out.push_back({name + ".weight", {count(rows), count(cols)}, part, copies, true});
}

void add_vector(Tensors& out, std::string name, int size, ModelPart part) {
  out.push_back({std::move(name), {count(size)}, part, 1, true});
}

void add_mlp(Tensors& out, const std::string& prefix, int hidden, int width, ModelPart part,
             int copies = 1) {
  add_matrix(out, prefix + ".gate_proj", width, hidden, part, copies);
  add_matrix(out, prefix + ".up_proj", width, hidden, part, copies);
  add_matrix(out, prefix + ".down_proj", hidden, width, part, copies);
}

void add_latent_attention(Tensors& out, const std::string& at, const ModelConfig& c) {
  constexpr ModelPart kPart = ModelPart::attention;
  if (c.q_lora_rank > 0) {
    add_matrix(out, at + "q_a_proj", c.q_lora_rank, c.hidden_size, kPart);
    add_vector(out, at + "q_a_layernorm.weight", c.q_lora_rank, ModelPart::norms);
    add_matrix(out, at + "q_b_proj", c.query_width(), c.q_lora_rank, kPart);
  } else {
    add_matrix(out, at + "q_proj", c.query_width(), c.hidden_size, kPart);
  }
  if (c.is_sparse()) {
    const std::string indexer = at + "indexer.";
    add_matrix(out, indexer + "wq_b", c.index_n_heads * c.index_head_dim, c.q_lora_rank, kPart);
    add_matrix(out, indexer + "wk", c.index_head_dim, c.hidden_size, kPart);
    add_vector(out, indexer + "k_norm.weight", c.index_head_dim, ModelPart::norms);
    add_vector(out, indexer + "k_norm.bias", c.index_head_dim, ModelPart::norms);
    add_matrix(out, indexer + "weights_proj", c.index_n_heads, c.hidden_size, kPart);
  }
  add_matrix(out, at + "kv_a_proj_with_mqa", c.kv_lora_rank + c.qk_rope_head_dim, c.hidden_size,
             kPart);
  add_vector(out, at + "kv_a_layernorm.weight", c.kv_lora_rank, ModelPart::norms);
  add_matrix(out, at + "kv_b_proj", c.num_attention_heads * (c.qk_nope_head_dim + c.v_head_dim),
             c.kv_lora_rank, kPart);
  add_matrix(out, at + "o_proj", c.hidden_size, c.num_attention_heads * c.v_head_dim, kPart);
}

void add_grouped_attention(Tensors& out, const std::string& at, const ModelConfig& c) {
  constexpr ModelPart kPart = ModelPart::attention;
  int keys = c.num_key_value_heads * c.head_dim;
  add_matrix(out, at + "q_proj", c.query_width(), c.hidden_size, kPart);
  add_matrix(out, at + "k_proj", keys, c.hidden_size, kPart);
  add_matrix(out, at + "v_proj", keys, c.hidden_size, kPart);
  if (c.attention_bias) {
    add_vector(out, at + "q_proj.bias", c.query_width(), kPart);
    add_vector(out, at + "k_proj.bias", keys, kPart);
    add_vector(out, at + "v_proj.bias", keys, kPart);
  }
  if (c.head_norms) {
    add_vector(out, at + "q_norm.weight", c.head_dim, ModelPart::norms);
    add_vector(out, at + "k_norm.weight", c.head_dim, ModelPart::norms);
  }
  add_matrix(out, at + "o_proj", c.hidden_size, c.query_width(), kPart);
}

// MTP modules have experts whenever the model has (model/build.cpp).
bool has_experts(const ModelConfig& c, int layer) {
  return layer < c.num_hidden_layers ? c.is_moe(layer) : c.n_routed_experts > 0;
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

int64_t TensorShape::elements() const {
  uint64_t n = uint64_t(copies);
  for (uint64_t dimension : shape) n *= dimension;
  return int64_t(n);
}

Tensors outer_tensors(const ModelConfig& config) {
  Tensors out;
  add_matrix(out, "model.embed_tokens", config.vocab_size, config.hidden_size,
             ModelPart::embedding);
  out.back().is_active = config.tie_word_embeddings;  // a look-up of one row, unless it is the head
  add_vector(out, "model.norm.weight", config.hidden_size, ModelPart::norms);
  if (!config.tie_word_embeddings)
    add_matrix(out, "lm_head", config.vocab_size, config.hidden_size, ModelPart::embedding);
  return out;
}

Tensors layer_tensors(const ModelConfig& config, int layer) {
  Tensors out;
  std::string at = fmt::format("model.layers.{}.", layer);
  int hidden = config.hidden_size;
  if (layer >= config.num_hidden_layers) {
    add_vector(out, at + "enorm.weight", hidden, ModelPart::norms);
    add_vector(out, at + "hnorm.weight", hidden, ModelPart::norms);
    add_matrix(out, at + "eh_proj", hidden, 2 * hidden, ModelPart::attention);
    add_vector(out, at + "shared_head.norm.weight", hidden, ModelPart::norms);
  }
  add_vector(out, at + "input_layernorm.weight", hidden, ModelPart::norms);
  if (config.attention == AttentionKind::mla)
    add_latent_attention(out, at + "self_attn.", config);
  else
    add_grouped_attention(out, at + "self_attn.", config);
  add_vector(out, at + "post_attention_layernorm.weight", hidden, ModelPart::norms);
  std::string mlp = at + "mlp";
  if (!has_experts(config, layer)) {
    add_mlp(out, mlp, hidden, config.intermediate_size, ModelPart::dense_mlp);
    return out;
  }
  add_matrix(out, mlp + ".gate", config.n_routed_experts, hidden, ModelPart::router);
  if (config.has_gate_bias)
    add_vector(out, mlp + ".gate.e_score_correction_bias", config.n_routed_experts,
               ModelPart::router);
  add_mlp(out, mlp + ".experts.{}", hidden, config.moe_intermediate_size, ModelPart::experts,
          config.n_routed_experts);
  if (config.n_shared_experts > 0)
    add_mlp(out, mlp + ".shared_experts", hidden,
            config.n_shared_experts * config.moe_intermediate_size, ModelPart::experts);
  return out;
}

Tensors all_tensors(const ModelConfig& config) {
  Tensors all = outer_tensors(config);
  for (int layer = 0; layer < config.num_hidden_layers + config.num_nextn_predict_layers; ++layer)
    for (TensorShape& tensor : layer_tensors(config, layer)) all.push_back(std::move(tensor));
  return all;
}

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
