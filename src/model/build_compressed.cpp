// The weights of DeepSeek-V4's blocks.
#include "config/compressed_tensors.h"
#include "model/build.h"

#include <fmt/format.h>

namespace weir {

StreamSite ModelBuilder::stream_site(const std::string& prefix, bool reads_only) {
  const ModelConfig& c = model_.config_;
  StreamSite site;
  site.shape = {c.hc_mult, c.hc_sinkhorn_iters, float(c.hc_eps), reads_only};
  site.epsilon = float(c.rms_norm_eps);
  site.fn = linear(prefix + "fn", site.shape.mixes(), c.hc_mult * c.hidden_size);
  site.base = vector(prefix + "base", site.shape.mixes());
  site.scale = vector(prefix + "scale", reads_only ? 1 : 3);
  return site;
}

Compressor ModelBuilder::compressor(const std::string& prefix, int layer, int width,
                                    bool is_index) {
  const ModelConfig& c = model_.config_;
  Compressor out;
  out.shape = {c.compress_ratio(layer), width, c.compress_ratio(layer) == 4, layer, is_index};
  const int wide = (out.shape.overlaps ? 2 : 1) * width;
  if (!c.shares_entries())
    out.bias = add(prefix + "position_bias", out.shape.ratio, wide, 1,
                   is_frozen_part_ ? Kind::frozen : Kind::matrix);
  out.kv = linear(prefix + "kv_proj.weight", wide, c.hidden_size);
  if (out.shape.ratio > 1) out.gate = linear(prefix + "gate_proj.weight", wide, c.hidden_size);
  out.gain = vector(prefix + "kv_norm.weight", width);
  out.epsilon = float(c.rms_norm_eps);
  return out;
}

EntryIndexer ModelBuilder::entry_indexer(const std::string& prefix, int layer) {
  const ModelConfig& c = model_.config_;
  EntryIndexer in;
  if (!chooses_entries(c, layer)) return in;
  is_frozen_part_ = true;
  in.q = linear(prefix + "q_b_proj.weight", c.index_n_heads * c.index_head_dim, c.q_lora_rank);
  in.weights = linear(prefix + "scorer.weights_proj.weight", c.index_n_heads, c.hidden_size);
  if (!c.shares_entries()) {
    in.keys = compressor(prefix, layer, c.index_head_dim, true);
  } else if (makes_entries(c, layer)) {
    in.k = linear(prefix + "k_proj.weight", c.index_head_dim, c.head_dim);
    in.k_gain = vector(prefix + "k_norm.weight", c.index_head_dim);
  }
  is_frozen_part_ = false;
  in.shape = {c.index_n_heads, c.index_head_dim, c.index_topk, c.compress_ratio(layer),
              entry_source(c, layer)};
  if (layer == c.candidate_source_layer_id)
    in.candidate_blocks = c.candidate_topk_blocks, in.candidate_size = c.candidate_block_size;
  return in;
}

WindowAttention ModelBuilder::window_attention(const std::string& prefix, int layer) {
  const ModelConfig& c = model_.config_;
  WindowAttention a;
  a.q_a = linear(prefix + "q_a_proj.weight", c.q_lora_rank, c.hidden_size);
  a.q_gain = vector(prefix + "q_a_norm.weight", c.q_lora_rank);
  a.q_b = linear(prefix + "q_b_proj.weight", c.query_width(), c.q_lora_rank);
  a.kv = linear(prefix + "kv_proj.weight", c.head_dim, c.hidden_size);
  a.kv_gain = vector(prefix + "kv_norm.weight", c.head_dim);
  a.sinks = vector(prefix + "sinks", c.num_attention_heads);
  a.epsilon = float(c.rms_norm_eps);
  a.shares_entries = c.shares_entries();
  a.norms_heads = !a.shares_entries;
  if (makes_entries(c, layer))
    a.compressor = compressor(prefix + "compressor.", layer, c.head_dim, false);
  a.indexer = entry_indexer(prefix + "compressor.indexer.", layer);
  a.out_groups = linear(prefix + "o_a_proj.weight", c.o_groups * c.o_lora_rank,
                        c.query_width() / c.o_groups, c.o_groups);
  a.out = linear(prefix + "o_b_proj.weight", c.hidden_size, c.o_groups * c.o_lora_rank);
  a.shape = {.heads = c.num_attention_heads,
             .width = c.head_dim,
             .window = c.sliding_window,
             .ratio = c.compress_ratio(layer),
             .scale = float(c.softmax_scale()),
             .layer = layer,
             .entry_layer = entry_source(c, layer)};
  return a;
}

Dspark ModelBuilder::dspark() {
  const ModelConfig& c = model_.config_;
  const int first = c.num_hidden_layers, last = first + c.dspark_stages() - 1;
  const auto prefix_of = [](int layer) { return fmt::format("model.layers.{}.", layer); };
  Dspark d;
  d.project = linear(prefix_of(first) + "main_proj.weight", c.hidden_size,
                     int(c.dspark_target_layer_ids.size()) * c.hidden_size);
  d.norm = norm(prefix_of(first) + "main_norm.weight", c.hidden_size, c.rms_norm_eps);
  for (int layer = first; layer <= last; ++layer) d.stages.push_back(block(layer, true));
  const std::string prefix = prefix_of(last);
  d.final_norm = norm(prefix + "shared_head.norm.weight", c.hidden_size, c.rms_norm_eps);
  if (!c.shares_entries()) d.end = stream_site(prefix + "hc_head.hc_", true);
  const int rank = c.dspark_markov_rank;
  d.markov_in = add(prefix + "markov_head.markov_w1.weight", c.vocab_size, rank, 1, Kind::matrix);
  d.markov_out = linear(prefix + "markov_head.markov_w2.weight", c.vocab_size, rank);
  d.confidence = linear(prefix + "confidence_head.proj.weight", 1, c.hidden_size + rank);
  d.frozen_head = *model_.head_;
  d.frozen_head.parameter = nullptr;
  return d;
}

const Matrix* ModelBuilder::hash_table(const std::string& prefix, int) {
  const ModelConfig& c = model_.config_;
  return add(prefix + "gate.tid2eid", c.vocab_size, c.num_experts_per_tok, 1, Kind::frozen);
}

}  // namespace weir
