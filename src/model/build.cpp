#include "model/build.h"

#include <fmt/format.h>

#include "config/conventions.h"
#include "config/engram.h"

namespace weir {

Matrix* ModelBuilder::add(const std::string& name, int rows, int cols, int groups, Kind kind) {
  const bool is_frozen = kind == Kind::frozen;
  Matrix& matrix = model_.matrices_.emplace_back();
  if (storage_ == Storage::elsewhere || storage_ == Storage::nowhere) {
    matrix.name = name;
    matrix.rows = rows, matrix.cols = cols, matrix.groups = groups;
    if (storage_ == Storage::nowhere) matrix.parts.assign(size_t(groups), nullptr);
  } else {
    Parameter& p = model_.owned_.emplace_back();
    p.name = name;
    p.rows = rows, p.cols = cols, p.groups = groups;
    p.decays = kind == Kind::matrix;
    p.data = model_.memory_.emplace_back(p.count() * sizeof(float)).floats();
    (is_frozen ? model_.buffers_ : model_.parameters_).push_back(&p);
    matrix = Matrix::of(p);
  }
  (is_frozen ? frozen_ : model_.weights_).push_back(&matrix);
  return &matrix;
}

Linear ModelBuilder::linear(const std::string& name, int rows, int cols, int groups) {
  Matrix* matrix = add(name, rows, cols, groups, is_frozen_part_ ? Kind::frozen : Kind::matrix);
  model_.multiplied_.push_back(matrix);
  return *matrix;
}

const Matrix* ModelBuilder::vector(const std::string& name, int width) {
  return add(name, 1, width, 1, is_frozen_part_ ? Kind::frozen : Kind::vector);
}

Linear ModelBuilder::frozen_linear(const std::string& name, int rows, int cols) {
  Matrix* matrix = add(name, rows, cols, 1, Kind::frozen);
  model_.multiplied_.push_back(matrix);
  return *matrix;
}

Matrix* ModelBuilder::frozen_vector(const std::string& name, int width) {
  return add(name, 1, width, 1, Kind::frozen);
}

Norm ModelBuilder::norm(const std::string& name, int width, double epsilon) {
  return {vector(name, width), float(epsilon)};
}

Gqa ModelBuilder::gqa(const std::string& prefix, int layer) {
  const ModelConfig& c = model_.config_;
  const int q = c.num_attention_heads * c.head_dim, kv = c.num_key_value_heads * c.head_dim;
  Gqa a;
  a.q = linear(prefix + "q_proj.weight", q, c.hidden_size);
  a.k = linear(prefix + "k_proj.weight", kv, c.hidden_size);
  a.v = linear(prefix + "v_proj.weight", kv, c.hidden_size);
  a.out = linear(prefix + "o_proj.weight", c.hidden_size, q);
  if (c.attention_bias) {
    a.q.bias = vector(prefix + "q_proj.bias", q);
    a.k.bias = vector(prefix + "k_proj.bias", kv);
    a.v.bias = vector(prefix + "v_proj.bias", kv);
  }
  if (c.head_norms) {
    a.q_norm = norm(prefix + "q_norm.weight", c.head_dim, c.rms_norm_eps);
    a.k_norm = norm(prefix + "k_norm.weight", c.head_dim, c.rms_norm_eps);
  }
  a.shape = {.heads = c.num_attention_heads,
             .kv_heads = c.num_key_value_heads,
             .own = c.head_dim,
             .shared = 0,
             .value = c.head_dim,
             .key_step = c.head_dim,
             .value_step = c.head_dim,
             .value_offset = 0,
             .scale = float(c.softmax_scale()),
             .layer = layer};
  return a;
}

Indexer ModelBuilder::indexer(const std::string& prefix, int layer) {
  const ModelConfig& c = model_.config_;
  Indexer in;
  if (!c.chooses_tokens(layer)) return in;
  in.q = frozen_linear(prefix + "wq_b.weight", c.index_n_heads * c.index_head_dim, c.q_lora_rank);
  in.k = frozen_linear(prefix + "wk.weight", c.index_head_dim, c.hidden_size);
  in.k_gain = frozen_vector(prefix + "k_norm.weight", c.index_head_dim);
  in.k_bias = frozen_vector(prefix + "k_norm.bias", c.index_head_dim);
  in.weights = frozen_linear(prefix + "weights_proj.weight", c.index_n_heads, c.hidden_size);
  in.interleaved = c.index_rope_interleaved;
  in.shape = {c.index_n_heads, c.index_head_dim, c.index_topk, layer};
  return in;
}

Mla ModelBuilder::mla(const std::string& prefix, int layer) {
  const ModelConfig& c = model_.config_;
  const int nope = c.qk_nope_head_dim, rope_width = c.qk_rope_head_dim,
            heads = c.num_attention_heads;
  Mla a;
  if (c.q_lora_rank > 0) {
    a.q_a = linear(prefix + "q_a_proj.weight", c.q_lora_rank, c.hidden_size);
    a.q_norm = norm(prefix + "q_a_layernorm.weight", c.q_lora_rank, kLatentEpsilon);
    a.q_b = linear(prefix + "q_b_proj.weight", heads * (nope + rope_width), c.q_lora_rank);
  } else {
    a.q = linear(prefix + "q_proj.weight", heads * (nope + rope_width), c.hidden_size);
  }
  a.kv_a = linear(prefix + "kv_a_proj_with_mqa.weight", c.kv_lora_rank + rope_width, c.hidden_size);
  a.kv_norm = norm(prefix + "kv_a_layernorm.weight", c.kv_lora_rank, kLatentEpsilon);
  a.kv_b = linear(prefix + "kv_b_proj.weight", heads * (nope + c.v_head_dim), c.kv_lora_rank);
  a.out = linear(prefix + "o_proj.weight", c.hidden_size, heads * c.v_head_dim);
  a.indexer = indexer(prefix + "indexer.", layer);
  a.takes_choice = c.is_sparse() && !a.indexer.k;
  a.query_beta = float(c.rope.query_beta);
  a.query_positions = c.rope.original_positions;
  a.out_scale = float(c.residual_scale());
  a.rank = c.kv_lora_rank;
  a.rope_width = rope_width;
  a.shape = {.heads = heads,
             .kv_heads = heads,
             .own = nope,
             .shared = rope_width,
             .value = c.v_head_dim,
             .key_step = nope + c.v_head_dim,
             .value_step = nope + c.v_head_dim,
             .value_offset = nope,
             .scale = float(c.softmax_scale()),
             .layer = layer};
  return a;
}

Mlp ModelBuilder::mlp(const std::string& prefix, int width) {
  const int hidden = model_.config_.hidden_size;
  return {linear(prefix + "gate_proj.weight", width, hidden),
          linear(prefix + "up_proj.weight", width, hidden),
          linear(prefix + "down_proj.weight", hidden, width), float(model_.config_.swiglu_limit)};
}

Moe ModelBuilder::moe(const std::string& prefix, int layer) {
  const ModelConfig& c = model_.config_;
  const int experts = c.experts_of(layer), width = c.moe_intermediate_size;
  Moe m;
  m.router = linear(prefix + "gate.weight", experts, c.hidden_size);
  Matrix* bias = nullptr;
  m.limit = float(c.swiglu_limit);
  if (c.is_hashed(layer)) m.table = hash_table(prefix, layer);
  if (c.has_gate_bias && !m.table) {
    // Moved by the trainer, not by a gradient.
    bias = frozen_vector(prefix + "gate.e_score_correction_bias", experts);
    m.bias = bias;
  }
  m.gate = linear(prefix + "experts.{}.gate_proj.weight", experts * width, c.hidden_size, experts);
  m.up = linear(prefix + "experts.{}.up_proj.weight", experts * width, c.hidden_size, experts);
  m.down = linear(prefix + "experts.{}.down_proj.weight", experts * c.hidden_size, width, experts);
  if (c.n_shared_experts > 0)
    m.shared = mlp(prefix + "shared_experts.", c.n_shared_experts * width);
  m.shape = {.kind = c.gate,
             .group_kind = c.group_kind,
             .experts = experts,
             .per_token = c.experts_chosen(layer),
             .index = int(model_.gates_.size()),
             .groups = c.n_group,
             .groups_kept = c.topk_group,
             .normalize = normalizes_gate(c),
             .scale = float(c.routed_scaling_factor),
             .balance_weight = 0};
  model_.loads_.push_back(std::make_unique<std::vector<int64_t>>(size_t(experts)));
  m.load = model_.loads_.back().get();
  model_.gates_.push_back({layer, bias ? bias->parameter : nullptr, m.load});
  return m;
}

Engram ModelBuilder::engram(const std::string& prefix, int layer) {
  const ModelConfig& c = model_.config_;
  const int number = engram_number(c, layer), hidden = c.hidden_size;
  Engram e;
  if (number < 0) return e;
  Matrix* table = add(prefix + "embed.weight", c.engram_num_embeddings[size_t(number)],
                      c.engram_head_dim, 1, Kind::matrix);
  if (Parameter* p = table->parameter) p->is_embedding = true, p->decays = false;
  e.table.matrix = table, e.table.number = number;
  e.number = number, e.streams = engram_streams(c);
  e.kv = linear(prefix + "wkv.weight", (e.streams + 1) * hidden,
                engram_columns(c) * c.engram_head_dim);
  e.q = add(prefix + "q_weight", e.streams, hidden, 1, Kind::vector);
  e.k = add(prefix + "k_weight", e.streams, hidden, 1, Kind::vector);
  e.hash = &model_.ngram_hashes_[size_t(number)];
  e.epsilon = float(c.rms_norm_eps);
  return e;
}

Block ModelBuilder::block(int layer, bool is_moe) {
  const ModelConfig& c = model_.config_;
  const std::string prefix = fmt::format("model.layers.{}.", layer);
  Block b;
  b.is_mla = c.attention == AttentionKind::mla;
  b.is_compressed = c.is_compressed();
  b.is_moe = is_moe;
  b.engram = engram(prefix + "engram.", layer);
  if (b.is_compressed) b.attention_site = stream_site(prefix + "attn_hc.", false);
  b.attention_norm = norm(prefix + "input_layernorm.weight", c.hidden_size, c.rms_norm_eps);
  if (b.is_compressed)
    b.window = window_attention(prefix + "self_attn.", layer);
  else if (b.is_mla)
    b.mla = mla(prefix + "self_attn.", layer);
  else
    b.gqa = gqa(prefix + "self_attn.", layer);
  if (b.is_compressed) b.mlp_site = stream_site(prefix + "ffn_hc.", false);
  b.mlp_norm = norm(prefix + "post_attention_layernorm.weight", c.hidden_size, c.rms_norm_eps);
  if (is_moe)
    b.moe = moe(prefix + "mlp.", layer);
  else
    b.mlp = mlp(prefix + "mlp.", c.intermediate_size), b.mlp.out_scale = float(c.residual_scale());
  return b;
}

MtpModule ModelBuilder::mtp(int index) {
  const ModelConfig& c = model_.config_;
  const int layer = c.num_hidden_layers + index;
  const std::string prefix = fmt::format("model.layers.{}.", layer);
  MtpModule m;
  m.embedding_norm = norm(prefix + "enorm.weight", c.hidden_size, c.rms_norm_eps);
  m.hidden_norm = norm(prefix + "hnorm.weight", c.hidden_size, c.rms_norm_eps);
  if (c.is_compressed()) {
    m.embedding_project = linear(prefix + "e_proj.weight", c.hidden_size, c.hidden_size);
    m.stream_project = linear(prefix + "h_proj.weight", c.hidden_size, c.hidden_size);
    m.end = stream_site(prefix + "hc_head.hc_", true);
  } else {
    m.project = linear(prefix + "eh_proj.weight", c.hidden_size, 2 * c.hidden_size);
  }
  m.block = block(layer, c.n_routed_experts > 0);
  m.final_norm = norm(prefix + "shared_head.norm.weight", c.hidden_size, c.rms_norm_eps);
  return m;
}

void ModelBuilder::rope() {
  const ModelConfig& c = model_.config_;
  const int width = c.rotated_width();
  const auto make = [&](const RopeConfig& rope, std::unique_ptr<RopeAngles>& angles) {
    const float *cos = nullptr, *sin = nullptr;
    if (storage_ != Storage::nowhere) {
      angles = std::make_unique<RopeAngles>(rope, width, c.max_position_embeddings);
      cos = angles->cos(), sin = angles->sin();
    }
    return RopeTable{cos, sin, c.max_position_embeddings, width, rope.interleaved};
  };
  model_.rope_ = make(c.rope, model_.rope_angles_);
  if (c.is_compressed()) model_.entry_rope_ = make(c.compress_rope, model_.entry_angles_);
}

void ModelBuilder::build() {
  const ModelConfig& c = model_.config_;
  rope();
  Matrix* embedding =
      add("model.embed_tokens.weight", c.vocab_size, c.hidden_size, 1, Kind::matrix);
  if (embedding->parameter) embedding->parameter->is_embedding = true;
  if (c.tie_word_embeddings) model_.multiplied_.push_back(embedding);  // as the head
  model_.embedding_ = embedding;
  if (has_engram(c)) model_.ngram_hashes_ = engram_hashes(c);
  if (engram_folds_tokens(c)) model_.token_classes_ = frozen_vector(kEngramClasses, c.vocab_size);
  for (int layer = 0; layer < c.num_hidden_layers; ++layer)
    model_.blocks_.push_back(block(layer, c.is_moe(layer)));
  if (c.is_compressed() && !c.shares_entries())
    model_.stream_end_ = stream_site("model.hc_head.hc_", true);
  model_.final_norm_ = vector("model.norm.weight", c.hidden_size);
  if (!c.tie_word_embeddings)
    model_.head_ = linear("lm_head.weight", c.vocab_size, c.hidden_size).base;
  for (int i = 0; i < c.mtp_modules(); ++i) model_.mtp_.push_back(mtp(i));
  if (c.has_dspark()) model_.dspark_ = dspark();
  model_.weights_.insert(model_.weights_.end(), frozen_.begin(), frozen_.end());
  if (storage_ == Storage::trainable) model_.allocate_gradients();
}

std::unique_ptr<Model> ModelBuilder::unbound(const ModelConfig& config) {
  std::unique_ptr<Model> model(new Model(config));
  ModelBuilder(*model, Storage::elsewhere).build();
  return model;
}

}  // namespace weir
