#include "config/tensors.h"

#include <fmt/format.h>

#include <span>

#include "config/compressed_tensors.h"
#include "config/engram.h"

namespace weir {
namespace {

using C = ModelConfig;
using Tensors = std::vector<TensorShape>;

// Which layers have a tensor.
using Has = bool (*)(const C&, int layer);
using Size = int (*)(const C&);

struct Row {
  const char* name;  // as transformers has it: after "model.layers.N."; {} is an expert
  const char* gguf;  // after "blk.N.", without ".weight" or ".bias"
  ModelPart part;
  Has has;             // null: only named, because other programs write it
  Size rows, columns;  // one row: a vector, whose `rows` is null
};

bool always(const C&, int) { return true; }
bool is_further(const C& c, int layer) { return layer >= c.num_hidden_layers; }
bool is_latent(const C& c, int) { return c.attention == AttentionKind::mla; }
bool is_grouped(const C& c, int) { return c.attention == AttentionKind::gqa; }
bool has_query_latent(const C& c, int l) { return is_latent(c, l) && c.q_lora_rank > 0; }
bool has_full_query(const C& c, int l) { return is_grouped(c, l) || c.q_lora_rank == 0; }
bool has_indexer(const C& c, int l) { return c.chooses_tokens(l); }
bool has_biases(const C& c, int l) { return is_grouped(c, l) && c.attention_bias; }
bool has_head_norms(const C& c, int l) { return is_grouped(c, l) && c.head_norms; }
bool is_dense(const C& c, int layer) { return !has_experts(c, layer); }
bool has_gate_bias(const C& c, int layer) { return has_experts(c, layer) && c.has_gate_bias; }
bool has_shared(const C& c, int layer) { return has_experts(c, layer) && c.n_shared_experts > 0; }

constexpr Size kVector = nullptr;
int hidden(const C& c) { return c.hidden_size; }
int two_hidden(const C& c) { return 2 * c.hidden_size; }
int vocabulary(const C& c) { return c.vocab_size; }
int queries(const C& c) { return c.query_width(); }
int query_rank(const C& c) { return c.q_lora_rank; }
int rank(const C& c) { return c.kv_lora_rank; }
int rank_and_rope(const C& c) { return c.kv_lora_rank + c.qk_rope_head_dim; }
int expanded(const C& c) { return c.num_attention_heads * (c.qk_nope_head_dim + c.v_head_dim); }
int values(const C& c) { return c.num_attention_heads * c.value_head_width(); }
int keys(const C& c) { return c.num_key_value_heads * c.head_dim; }
int head(const C& c) { return c.head_dim; }
int index_queries(const C& c) { return c.index_n_heads * c.index_head_dim; }
int index_heads(const C& c) { return c.index_n_heads; }
int index_head(const C& c) { return c.index_head_dim; }
int width(const C& c) { return c.intermediate_size; }
int expert_width(const C& c) { return c.moe_intermediate_size; }
int shared_width(const C& c) { return c.n_shared_experts * c.moe_intermediate_size; }
int experts(const C& c) { return c.n_routed_experts; }

using P = ModelPart;

constexpr Row kOuter[] = {
    {"model.embed_tokens.weight", "token_embd", P::embedding, always, vocabulary, hidden},
    {"model.norm.weight", "output_norm", P::norms, always, kVector, hidden},
    {"lm_head.weight", "output", P::embedding,
     [](const C& c, int) { return !c.tie_word_embeddings; }, vocabulary, hidden},
};

// In the order in which files have them.
constexpr Row kLayer[] = {
    {"enorm.weight", "nextn.enorm", P::norms, is_further, kVector, hidden},
    {"hnorm.weight", "nextn.hnorm", P::norms, is_further, kVector, hidden},
    {"eh_proj.weight", "nextn.eh_proj", P::attention, is_further, hidden, two_hidden},
    {"shared_head.norm.weight", "nextn.shared_head_norm", P::norms, is_further, kVector, hidden},
    {"shared_head.head.weight", "nextn.shared_head_head", P::embedding, nullptr, {}, {}},
    {"embed_tokens.weight", "nextn.embed_tokens", P::embedding, nullptr, {}, {}},

    {"input_layernorm.weight", "attn_norm", P::norms, always, kVector, hidden},
    {"self_attn.q_a_proj.weight", "attn_q_a", P::attention, has_query_latent, query_rank, hidden},
    {"self_attn.q_a_layernorm.weight", "attn_q_a_norm", P::norms, has_query_latent, kVector,
     query_rank},
    {"self_attn.q_b_proj.weight", "attn_q_b", P::attention, has_query_latent, queries, query_rank},
    {"self_attn.q_proj.weight", "attn_q", P::attention, has_full_query, queries, hidden},
    {"self_attn.indexer.wq_b.weight", "indexer.attn_q_b", P::attention, has_indexer, index_queries,
     query_rank},
    {"self_attn.indexer.wk.weight", "indexer.attn_k", P::attention, has_indexer, index_head,
     hidden},
    {"self_attn.indexer.k_norm.weight", "indexer.k_norm", P::norms, has_indexer, kVector,
     index_head},
    {"self_attn.indexer.k_norm.bias", "indexer.k_norm", P::norms, has_indexer, kVector, index_head},
    {"self_attn.indexer.weights_proj.weight", "indexer.proj", P::attention, has_indexer,
     index_heads, hidden},
    {"self_attn.kv_a_proj_with_mqa.weight", "attn_kv_a_mqa", P::attention, is_latent, rank_and_rope,
     hidden},
    {"self_attn.kv_a_layernorm.weight", "attn_kv_a_norm", P::norms, is_latent, kVector, rank},
    {"self_attn.kv_b_proj.weight", "attn_kv_b", P::attention, is_latent, expanded, rank},
    {"self_attn.k_proj.weight", "attn_k", P::attention, is_grouped, keys, hidden},
    {"self_attn.v_proj.weight", "attn_v", P::attention, is_grouped, keys, hidden},
    {"self_attn.q_proj.bias", "attn_q", P::attention, has_biases, kVector, queries},
    {"self_attn.k_proj.bias", "attn_k", P::attention, has_biases, kVector, keys},
    {"self_attn.v_proj.bias", "attn_v", P::attention, has_biases, kVector, keys},
    {"self_attn.q_norm.weight", "attn_q_norm", P::norms, has_head_norms, kVector, head},
    {"self_attn.k_norm.weight", "attn_k_norm", P::norms, has_head_norms, kVector, head},
    {"self_attn.o_proj.weight", "attn_output", P::attention, always, hidden, values},

    {"post_attention_layernorm.weight", "ffn_norm", P::norms, always, kVector, hidden},
    {"mlp.gate_proj.weight", "ffn_gate", P::dense_mlp, is_dense, width, hidden},
    {"mlp.up_proj.weight", "ffn_up", P::dense_mlp, is_dense, width, hidden},
    {"mlp.down_proj.weight", "ffn_down", P::dense_mlp, is_dense, hidden, width},
    {"mlp.gate.weight", "ffn_gate_inp", P::router, has_experts, experts, hidden},
    {"mlp.gate.e_score_correction_bias", "exp_probs_b", P::router, has_gate_bias, kVector, experts},
    {"mlp.experts.{}.gate_proj.weight", "ffn_gate_exps", P::experts, has_experts, expert_width,
     hidden},
    {"mlp.experts.{}.up_proj.weight", "ffn_up_exps", P::experts, has_experts, expert_width, hidden},
    {"mlp.experts.{}.down_proj.weight", "ffn_down_exps", P::experts, has_experts, hidden,
     expert_width},
    {"mlp.shared_experts.gate_proj.weight", "ffn_gate_shexp", P::experts, has_shared, shared_width,
     hidden},
    {"mlp.shared_experts.up_proj.weight", "ffn_up_shexp", P::experts, has_shared, shared_width,
     hidden},
    {"mlp.shared_experts.down_proj.weight", "ffn_down_shexp", P::experts, has_shared, hidden,
     shared_width},
};

TensorShape tensor_of(const Row& row, const std::string& prefix, const C& c) {
  std::vector<uint64_t> shape;
  for (Size size : {row.rows, row.columns})
    if (size) shape.push_back(uint64_t(size(c)));
  const bool is_expert = std::string_view(row.name).find("{}") != std::string_view::npos;
  return {prefix + row.name, std::move(shape), row.part, is_expert ? c.n_routed_experts : 1, true};
}

std::string gguf_name_in(std::span<const Row> rows, std::string_view name) {
  for (const Row& row : rows)
    if (name == row.name)
      return fmt::format("{}.{}", row.gguf, name.ends_with("bias") ? "bias" : "weight");
  return "";
}

}  // namespace

int64_t TensorShape::elements() const {
  uint64_t n = uint64_t(copies);
  for (uint64_t dimension : shape) n *= dimension;
  return int64_t(n);
}

bool has_experts(const ModelConfig& c, int layer) {
  return layer < c.num_hidden_layers ? c.is_moe(layer) : c.n_routed_experts > 0;
}

Tensors outer_tensors(const ModelConfig& config) {
  if (config.is_compressed()) return compressed_outer_tensors(config);
  Tensors out;
  for (const Row& row : kOuter)
    if (row.has(config, 0)) out.push_back(tensor_of(row, "", config));
  // The embedding is a look-up of one row, unless it is the head too.
  out.front().is_active = config.tie_word_embeddings;
  return out;
}

Tensors layer_tensors(const ModelConfig& config, int layer) {
  Tensors out = engram_tensors(config, layer);
  if (config.is_compressed()) {
    Tensors own = compressed_layer_tensors(config, layer);
    out.insert(out.end(), own.begin(), own.end());
    return out;
  }
  const std::string prefix = fmt::format("model.layers.{}.", layer);
  for (const Row& row : kLayer)
    if (row.has && row.has(config, layer)) out.push_back(tensor_of(row, prefix, config));
  return out;
}

Tensors all_tensors(const ModelConfig& config) {
  Tensors all = outer_tensors(config);
  for (int layer = 0; layer < config.num_hidden_layers + config.num_nextn_predict_layers; ++layer)
    for (TensorShape& tensor : layer_tensors(config, layer)) all.push_back(std::move(tensor));
  return all;
}

std::string gguf_outer_name(std::string_view name) {
  const std::string found = gguf_name_in(kOuter, name);
  return found.empty() ? compressed_gguf_name(name) : found;
}
std::string gguf_layer_name(std::string_view name) {
  const std::string found = gguf_name_in(kLayer, name);
  return found.empty() ? compressed_gguf_name(name) : found;
}

}  // namespace weir
