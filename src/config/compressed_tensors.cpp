// The tensors of DeepSeek-V4: names as transformers has them in memory, as DeepSeek's files have
// them, and as GGUF files of the architecture deepseek4 do.
#include "config/compressed_tensors.h"

#include <fmt/format.h>

#include <algorithm>
#include <cctype>
#include <charconv>

namespace weir {

namespace {

bool is_listed(const std::vector<int>& layers, int layer) {
  return std::find(layers.begin(), layers.end(), layer) != layers.end();
}

}  // namespace

bool makes_entries(const ModelConfig& c, int layer) {
  return c.compress_ratio(layer) > 0 &&
         (!c.shares_entries() || is_listed(c.kv_source_layer_ids, layer));
}

bool chooses_entries(const ModelConfig& c, int layer) {
  return c.shares_entries() ? is_listed(c.index_source_layer_ids, layer)
                            : c.compress_ratio(layer) == 4;
}

int entry_source(const ModelConfig& c, int layer) {
  int source = layer;
  while (source > 0 && c.compress_ratio(layer) > 0 && !makes_entries(c, source)) --source;
  return source;
}

namespace {

using C = ModelConfig;
using P = ModelPart;
using Shape = std::vector<uint64_t>;

// Rows of a layer, which has them where the shape is not empty; {} is an expert.
struct CompressedRow {
  const char *name, *file, *gguf;
  P part;
  Shape (*shape)(const C&, int layer);
  bool is_active = true;
};

template <class... Sizes>
Shape sizes(Sizes... n) {
  return {uint64_t(n)...};
}

// Sums over two groups of tokens overlap at this ratio: two of everything.
int halves(int ratio) { return ratio == 4 ? 2 : 1; }
int mixes(const C& c) { return (2 + c.hc_mult) * c.hc_mult; }
Shape if_entries(const C& c, int layer, Shape shape) {
  return makes_entries(c, layer) ? shape : Shape{};
}
// V4's indexers make entries of their own, of positions; V4.1's make keys of the entries.
Shape if_biased(const C& c, int layer, Shape shape) {
  return makes_entries(c, layer) && !c.shares_entries() ? shape : Shape{};
}
Shape if_chosen(const C& c, int layer, Shape shape) {
  return chooses_entries(c, layer) ? shape : Shape{};
}
Shape if_indexed(const C& c, int layer, Shape shape) {
  return chooses_entries(c, layer) && !c.shares_entries() ? shape : Shape{};
}
Shape if_keyed(const C& c, int layer, Shape shape) {
  return makes_entries(c, layer) && c.shares_entries() ? shape : Shape{};
}
Shape wide_gate(const C& c, int l, int width) {
  const int ratio = c.compress_ratio(l);
  return sizes(halves(ratio) * width, c.hidden_size);
}
Shape streams(const C& c, int) { return sizes(mixes(c), c.hc_mult * c.hidden_size); }
Shape stream_base(const C& c, int) { return sizes(mixes(c)); }
Shape stream_scale(const C&, int) { return sizes(3); }
// Modules of multi-token prediction, which end streams of their own.
Shape if_further(const C& c, int layer, Shape shape) {
  return layer >= c.num_hidden_layers && !c.has_dspark() ? shape : Shape{};
}
Shape further_row(const C& c, int l) { return if_further(c, l, sizes(c.hidden_size)); }
Shape further_square(const C& c, int l) {
  return if_further(c, l, sizes(c.hidden_size, c.hidden_size));
}
// DSpark: its first stage, which reads the model's layers, and its last one, which ends.
Shape if_first(const C& c, int layer, Shape shape) {
  return c.has_dspark() && layer == c.num_hidden_layers ? shape : Shape{};
}
bool is_end(const C& c, int layer) {
  return layer == c.num_hidden_layers + c.dspark_stages() - 1 && layer >= c.num_hidden_layers;
}
Shape if_last(const C& c, int layer, Shape shape) { return is_end(c, layer) ? shape : Shape{}; }
// Streams end in every module, and in the last stage of V4's DSpark.
Shape if_ending(const C& c, int layer, Shape shape) {
  return is_end(c, layer) && !c.shares_entries() ? shape : if_further(c, layer, shape);
}
Shape markov(const C& c, int l) { return if_last(c, l, sizes(c.vocab_size, c.dspark_markov_rank)); }
// V4.1 ends with the mixture of the last part.
Shape if_ended(const C& c, Shape shape) { return c.shares_entries() ? Shape{} : shape; }
Shape one_row(const C& c, int) { return sizes(c.hidden_size); }
Shape expert_in(const C& c, int) { return sizes(c.moe_intermediate_size, c.hidden_size); }
Shape expert_out(const C& c, int) { return sizes(c.hidden_size, c.moe_intermediate_size); }
int wide_shared(const C& c) { return c.n_shared_experts * c.moe_intermediate_size; }
Shape shared_in(const C& c, int) {
  return c.n_shared_experts > 0 ? sizes(wide_shared(c), c.hidden_size) : Shape{};
}
Shape shared_out(const C& c, int) {
  return c.n_shared_experts > 0 ? sizes(c.hidden_size, wide_shared(c)) : Shape{};
}

constexpr CompressedRow kCompressedOuter[] = {
    {"model.embed_tokens.weight", "embed.weight", "token_embd", P::embedding,
     [](const C& c, int) { return sizes(c.vocab_size, c.hidden_size); }, false},
    {"model.hc_head.hc_fn", "hc_head_fn", "output_hc_fn", P::attention,
     [](const C& c, int) { return if_ended(c, sizes(c.hc_mult, c.hc_mult * c.hidden_size)); }},
    {"model.hc_head.hc_base", "hc_head_base", "output_hc_base", P::norms,
     [](const C& c, int) { return if_ended(c, sizes(c.hc_mult)); }},
    {"model.hc_head.hc_scale", "hc_head_scale", "output_hc_scale", P::norms,
     [](const C& c, int) { return if_ended(c, sizes(1)); }},
    {"model.norm.weight", "norm.weight", "output_norm", P::norms, one_row},
    {"lm_head.weight", "head.weight", "output", P::embedding,
     [](const C& c, int) { return sizes(c.vocab_size, c.hidden_size); }},
};

constexpr CompressedRow kCompressedLayer[] = {
    {"enorm.weight", "enorm.weight", "nextn.enorm", P::norms, further_row},
    {"hnorm.weight", "hnorm.weight", "nextn.hnorm", P::norms, further_row},
    // GGUF has both side by side, in nextn.eh_proj.
    {"e_proj.weight", "e_proj.weight", "", P::attention, further_square},
    {"h_proj.weight", "h_proj.weight", "", P::attention, further_square},
    {"hc_head.hc_fn", "hc_head_fn", "nextn.hc_head_fn", P::attention,
     [](const C& c, int l) {
       return if_ending(c, l, sizes(c.hc_mult, c.hc_mult * c.hidden_size));
     }},
    {"hc_head.hc_base", "hc_head_base", "nextn.hc_head_base", P::norms,
     [](const C& c, int l) { return if_ending(c, l, sizes(c.hc_mult)); }},
    {"hc_head.hc_scale", "hc_head_scale", "nextn.hc_head_scale", P::norms,
     [](const C& c, int l) { return if_ending(c, l, sizes(1)); }},
    {"shared_head.norm.weight", "norm.weight", "nextn.shared_head_norm", P::norms,
     [](const C& c, int l) { return is_end(c, l) ? sizes(c.hidden_size) : further_row(c, l); }},
    {"main_proj.weight", "main_proj.weight", "", P::attention,
     [](const C& c, int l) {
       return if_first(c, l,
                       sizes(c.hidden_size, int(c.dspark_target_layer_ids.size()) * c.hidden_size));
     }},
    {"main_norm.weight", "main_norm.weight", "", P::norms,
     [](const C& c, int l) { return if_first(c, l, sizes(c.hidden_size)); }},
    {"markov_head.markov_w1.weight", "markov_head.markov_w1.weight", "", P::embedding, markov},
    {"markov_head.markov_w2.weight", "markov_head.markov_w2.weight", "", P::embedding, markov},
    {"confidence_head.proj.weight", "confidence_head.proj.weight", "", P::attention,
     [](const C& c, int l) {
       return if_last(c, l, sizes(1, c.hidden_size + c.dspark_markov_rank));
     }},

    {"attn_hc.fn", "hc_attn_fn", "hc_attn_fn", P::attention, streams},
    {"attn_hc.base", "hc_attn_base", "hc_attn_base", P::norms, stream_base},
    {"attn_hc.scale", "hc_attn_scale", "hc_attn_scale", P::norms, stream_scale},
    {"input_layernorm.weight", "attn_norm.weight", "attn_norm", P::norms, one_row},
    {"self_attn.q_a_proj.weight", "attn.wq_a.weight", "attn_q_a", P::attention,
     [](const C& c, int) { return sizes(c.q_lora_rank, c.hidden_size); }},
    {"self_attn.q_a_norm.weight", "attn.q_norm.weight", "attn_q_a_norm", P::norms,
     [](const C& c, int) { return sizes(c.q_lora_rank); }},
    {"self_attn.q_b_proj.weight", "attn.wq_b.weight", "attn_q_b", P::attention,
     [](const C& c, int) { return sizes(c.query_width(), c.q_lora_rank); }},
    {"self_attn.kv_proj.weight", "attn.wkv.weight", "attn_kv", P::attention,
     [](const C& c, int) { return sizes(c.head_dim, c.hidden_size); }},
    {"self_attn.kv_norm.weight", "attn.kv_norm.weight", "attn_kv_a_norm", P::norms,
     [](const C& c, int) { return sizes(c.head_dim); }},
    {"self_attn.sinks", "attn.attn_sink", "attn_sinks", P::norms,
     [](const C& c, int) { return sizes(c.num_attention_heads); }},
    {"self_attn.compressor.position_bias", "attn.compressor.ape", "attn_compressor_ape",
     P::attention,
     [](const C& c, int l) {
       const int ratio = c.compress_ratio(l);
       return if_biased(c, l, sizes(ratio, halves(ratio) * c.head_dim));
     }},
    {"self_attn.compressor.kv_proj.weight", "attn.compressor.wkv.weight", "attn_compressor_kv",
     P::attention, [](const C& c, int l) { return if_entries(c, l, wide_gate(c, l, c.head_dim)); }},
    {"self_attn.compressor.gate_proj.weight", "attn.compressor.wgate.weight",
     "attn_compressor_gate", P::attention,
     [](const C& c, int l) {
       return c.compress_ratio(l) == 1 ? Shape{} : if_entries(c, l, wide_gate(c, l, c.head_dim));
     }},
    {"self_attn.compressor.kv_norm.weight", "attn.compressor.norm.weight", "attn_compressor_norm",
     P::norms, [](const C& c, int l) { return if_entries(c, l, sizes(c.head_dim)); }},
    {"self_attn.compressor.indexer.q_b_proj.weight", "attn.indexer.wq_b.weight", "indexer.attn_q_b",
     P::attention,
     [](const C& c, int l) {
       return if_chosen(c, l, sizes(c.index_n_heads * c.index_head_dim, c.q_lora_rank));
     }},
    {"self_attn.compressor.indexer.scorer.weights_proj.weight", "attn.indexer.weights_proj.weight",
     "indexer.proj", P::attention,
     [](const C& c, int l) { return if_chosen(c, l, sizes(c.index_n_heads, c.hidden_size)); }},
    {"self_attn.compressor.indexer.k_proj.weight", "attn.indexer.wk.weight", "indexer.attn_k",
     P::attention,
     [](const C& c, int l) { return if_keyed(c, l, sizes(c.index_head_dim, c.head_dim)); }},
    {"self_attn.compressor.indexer.k_norm.weight", "attn.indexer.k_norm.weight", "indexer.k_norm",
     P::norms, [](const C& c, int l) { return if_keyed(c, l, sizes(c.index_head_dim)); }},
    {"self_attn.compressor.indexer.position_bias", "attn.indexer.compressor.ape",
     "indexer_compressor_ape", P::attention,
     [](const C& c, int l) { return if_indexed(c, l, sizes(4, 2 * c.index_head_dim)); }},
    {"self_attn.compressor.indexer.kv_proj.weight", "attn.indexer.compressor.wkv.weight",
     "indexer_compressor_kv", P::attention,
     [](const C& c, int l) { return if_indexed(c, l, wide_gate(c, l, c.index_head_dim)); }},
    {"self_attn.compressor.indexer.gate_proj.weight", "attn.indexer.compressor.wgate.weight",
     "indexer_compressor_gate", P::attention,
     [](const C& c, int l) { return if_indexed(c, l, wide_gate(c, l, c.index_head_dim)); }},
    {"self_attn.compressor.indexer.kv_norm.weight", "attn.indexer.compressor.norm.weight",
     "indexer_compressor_norm", P::norms,
     [](const C& c, int l) { return if_indexed(c, l, sizes(c.index_head_dim)); }},
    {"self_attn.o_a_proj.weight", "attn.wo_a.weight", "attn_output_a", P::attention,
     [](const C& c, int) {
       return sizes(c.o_groups * c.o_lora_rank, c.query_width() / c.o_groups);
     }},
    {"self_attn.o_b_proj.weight", "attn.wo_b.weight", "attn_output_b", P::attention,
     [](const C& c, int) { return sizes(c.hidden_size, c.o_groups * c.o_lora_rank); }},

    {"ffn_hc.fn", "hc_ffn_fn", "hc_ffn_fn", P::attention, streams},
    {"ffn_hc.base", "hc_ffn_base", "hc_ffn_base", P::norms, stream_base},
    {"ffn_hc.scale", "hc_ffn_scale", "hc_ffn_scale", P::norms, stream_scale},
    {"post_attention_layernorm.weight", "ffn_norm.weight", "ffn_norm", P::norms, one_row},
    {"mlp.gate.weight", "ffn.gate.weight", "ffn_gate_inp", P::router,
     [](const C& c, int l) { return sizes(c.experts_of(l), c.hidden_size); }},
    {"mlp.gate.e_score_correction_bias", "ffn.gate.bias", "exp_probs_b", P::router,
     [](const C& c, int l) { return c.is_hashed(l) ? Shape{} : sizes(c.experts_of(l)); }},
    {"mlp.gate.tid2eid", "ffn.gate.tid2eid", "ffn_gate_tid2eid", P::router,
     [](const C& c, int l) {
       return c.is_hashed(l) ? sizes(c.vocab_size, c.num_experts_per_tok) : Shape{};
     },
     false},
    {"mlp.experts.{}.gate_proj.weight", "ffn.experts.{}.w1.weight", "ffn_gate_exps", P::experts,
     expert_in},
    {"mlp.experts.{}.up_proj.weight", "ffn.experts.{}.w3.weight", "ffn_up_exps", P::experts,
     expert_in},
    {"mlp.experts.{}.down_proj.weight", "ffn.experts.{}.w2.weight", "ffn_down_exps", P::experts,
     expert_out},
    {"mlp.shared_experts.gate_proj.weight", "ffn.shared_experts.w1.weight", "ffn_gate_shexp",
     P::experts, shared_in},
    {"mlp.shared_experts.up_proj.weight", "ffn.shared_experts.w3.weight", "ffn_up_shexp",
     P::experts, shared_in},
    {"mlp.shared_experts.down_proj.weight", "ffn.shared_experts.w2.weight", "ffn_down_shexp",
     P::experts, shared_out},
};

TensorShape compressed_tensor(const CompressedRow& row, const std::string& prefix, const C& c,
                              int layer, Shape shape) {
  const bool is_expert = std::string_view(row.name).find("{}") != std::string_view::npos;
  return {prefix + row.name, std::move(shape), row.part, is_expert ? c.experts_of(layer) : 1,
          row.is_active};
}

constexpr std::string_view kLayersPrefix = "model.layers.", kExpertsPart = ".experts.";

// "layers.3.ffn.experts.7.w1.weight" for a row's file name.
std::string numbered(std::string_view pattern, std::string_view expert) {
  std::string name(pattern);
  if (const size_t at = name.find("{}"); at != std::string::npos) name.replace(at, 2, expert);
  return name;
}

}  // namespace

std::vector<TensorShape> compressed_outer_tensors(const ModelConfig& config) {
  std::vector<TensorShape> out;
  for (const CompressedRow& row : kCompressedOuter)
    if (Shape shape = row.shape(config, 0); !shape.empty())
      out.push_back(compressed_tensor(row, "", config, 0, std::move(shape)));
  return out;
}

std::vector<TensorShape> compressed_layer_tensors(const ModelConfig& config, int layer) {
  std::vector<TensorShape> out;
  const std::string prefix = fmt::format("model.layers.{}.", layer);
  for (const CompressedRow& row : kCompressedLayer)
    if (Shape shape = row.shape(config, layer); !shape.empty())
      out.push_back(compressed_tensor(row, prefix, config, layer, std::move(shape)));
  return out;
}

std::string compressed_gguf_name(std::string_view name) {
  for (const CompressedRow& row : kCompressedLayer)
    if (name == row.name)
      return !*row.gguf ? ""
                        : fmt::format("{}.{}", row.gguf,
                                      name.ends_with("correction_bias") ? "bias" : "weight");
  for (const CompressedRow& row : kCompressedOuter)
    if (name == row.name) return fmt::format("{}.weight", row.gguf);
  return "";
}

namespace {

// "layers.3.", or of module i of multi-token prediction "mtp.i."; "" for what is no number.
std::string file_prefix(const ModelConfig& config, std::string_view layer) {
  int number = 0;
  const auto read = std::from_chars(layer.data(), layer.data() + layer.size(), number);
  if (read.ec != std::errc() || read.ptr != layer.data() + layer.size()) return "";
  const int further = number - config.num_hidden_layers;
  return further < 0 ? fmt::format("layers.{}.", number) : fmt::format("mtp.{}.", further);
}

}  // namespace

std::string deepseek_name(const ModelConfig& config, std::string_view name) {
  for (const CompressedRow& row : kCompressedOuter)
    if (name == row.name) return row.file;
  if (!name.starts_with(kLayersPrefix)) return "";
  const size_t dot = name.find('.', kLayersPrefix.size());
  if (dot == std::string_view::npos) return "";
  const std::string prefix =
      file_prefix(config, name.substr(kLayersPrefix.size(), dot - kLayersPrefix.size()));
  if (prefix.empty()) return "";
  std::string pattern(name.substr(dot + 1));
  if (pattern.starts_with("engram.")) return fmt::format("layers.{}.{}", layer, pattern);
  std::string expert;
  if (const size_t at = pattern.find(kExpertsPart); at != std::string::npos) {
    const size_t begin = at + kExpertsPart.size(), end = pattern.find('.', begin);
    if (end == std::string::npos) return "";
    expert = pattern.substr(begin, end - begin);
    pattern.replace(begin, end - begin, "{}");
  }
  for (const CompressedRow& row : kCompressedLayer)
    if (pattern == row.name) {
      std::string_view file = row.file;
      if (config.shares_entries() && file == "markov_head.markov_w1.weight")
        file = "markov_head.embed.weight";
      if (config.shares_entries() && file == "markov_head.markov_w2.weight")
        file = "markov_head.head.weight";
      return prefix + numbered(file, expert);
    }
  return "";
}

std::vector<std::string> stored_names(const ModelConfig& config, std::string_view name) {
  std::string own = deepseek_name(config, name);
  if (own.empty()) return {};
  std::vector<std::string> names{own, "model." + own};
  constexpr std::string_view kNorm = "attn.kv_norm.weight";
  if (own.ends_with(kNorm)) {
    own.resize(own.size() - kNorm.size());
    names.push_back("model." + own + "attn.norm.weight");
  }
  return names;
}

}  // namespace weir
