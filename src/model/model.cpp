#include "model/model.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <iterator>
#include <numeric>

#include "base/div_up.h"
#include "base/hash.h"
#include "base/random.h"
#include "config/engram.h"
#include "model/block_observer.h"
#include "model/build.h"
#include "tensor/panel_set.h"

namespace weir {
namespace {

// Projections that write to the residual stream start smaller, by 1 / sqrt(2 layers) (GPT-2,
// section 2.3), so that the stream's variance does not grow with depth.
bool writes_residual(const std::string& name) {
  return name.ends_with("o_proj.weight") || name.ends_with("down_proj.weight") ||
         name.ends_with("o_b_proj.weight");
}

// What gains and biases are before training: transformers' _init_weights.
float initial_value(const std::string& name) {
  const bool is_zero = name.ends_with("bias") || name.ends_with("sinks") ||
                       name.ends_with("base") || name.ends_with("confidence_head.proj.weight");
  return is_zero ? 0 : 1;
}

// tid2eid before training: for every token `per_token` different experts, by its own stream.
void fill_table(const Matrix& table, int experts, uint64_t seed) {
  std::vector<int> order(static_cast<size_t>(experts));
  for (int token = 0; token < table.rows; ++token) {
    Random random(seed, fnv1a(table.name) + uint64_t(token));
    std::iota(order.begin(), order.end(), 0);
    float* row = table.parameter->data + size_t(token) * size_t(table.cols);
    for (int j = 0; j < table.cols; ++j) {
      std::swap(order[size_t(j)], order[size_t(j) + random.below(uint64_t(experts - j))]);
      row[j] = float(order[size_t(j)]);
    }
  }
}

}  // namespace

std::unique_ptr<Model> Model::create(const ModelConfig& config, bool trainable) {
  std::unique_ptr<Model> model(new Model(config));
  using Storage = ModelBuilder::Storage;
  ModelBuilder(*model, trainable ? Storage::trainable : Storage::frozen).build();
  model->add_packed();
  return model;
}

std::unique_ptr<Model> Model::outline(const ModelConfig& config) {
  std::unique_ptr<Model> model(new Model(config));
  ModelBuilder(*model, ModelBuilder::Storage::nowhere).build();
  return model;
}

void Model::initialize(uint64_t seed) {
  const float range = float(config_.initializer_range);
  const float residual = range / std::sqrt(2.0f * float(config_.num_hidden_layers));
  for (const Matrix* w : weights_) {
    float* data = w->parameter->data;
    if (w == token_classes_) {
      for (size_t i = 0; i < w->count(); ++i)
        data[i] = float(int(i) % config_.engram_compressed_vocab_size);
      continue;
    }
    if (w->rows == 1 || is_engram_gain(w->name)) {
      std::fill_n(data, w->count(), initial_value(w->name));
      continue;
    }
    if (w->name.ends_with("tid2eid")) {
      fill_table(*w, config_.n_routed_experts, seed);
      continue;
    }
    if (w->name.ends_with("position_bias")) {
      std::fill_n(data, w->count(), 0.f);
      continue;
    }
    Random random(seed, fnv1a(w->name));  // whatever the order of tensors
    float spread = writes_residual(w->name) ? residual : range;
    for (size_t i = 0; i < w->count(); ++i) data[i] = spread * random.normal();
  }
  weights_changed();
}

// Of the positions of the batch.
void Model::require_angles(const Run& run) const {
  int end = 0;
  for (const Segment& segment : run.batch.segments())
    end = std::max(end, segment.position + segment.count);
  run.pool.run_here([&] {
    rope_angles_->require(end);
    if (entry_angles_) entry_angles_->require(end);
  });
}

Tensor Model::forward(Run& run, BlockObserver* observer, Tensor* further) const {
  const Zone zone("forward");
  choose_adapter(run);
  require_angles(run);
  if (panels_ && !run.exact && !run.pool.is_dry())
    panels_->begin_pass(run.batch.size(), int(run.batch.segments().size()));
  Tensor x = embed(run, *embedding_);
  if (config_.scale_emb > 0) x = scaled(run, x, float(config_.scale_emb));
  if (config_.is_compressed()) x = repeat_streams(run, x, config_.hc_mult);
  SharedEntries shared;
  const bool shares_choices = config_.shares_choices();
  if (shares_choices && !run.tape && sees_more_than(run, config_.index_topk))
    shared.room = run.arena.array<int>(size_t(x.rows) * size_t(config_.index_topk));
  const bool shares = config_.shares_entries();
  if (shares) shared.pre = first_stream(run, x.rows, config_.hc_mult);
  const bool keeps_targets = further && config_.has_dspark();
  if (keeps_targets) *further = run.unrecorded().make(x.rows, further_width());
  const NgramRows ngrams = read_ngrams(run);
  int number = 0;
  for (const Block& block : blocks_) {
    if (keeps_targets && shares) keep_targets(run, number, x, *further);
    const RopeTable& angles = rope_of(block);
    auto body = [&block = block, table = angles, balance = balance_weight, ngrams](Run& r,
                                                                                   Tensor in) {
      return block_forward(r, block, table, balance, in, ngrams);
    };
    // A block that reads what others made is not computed again alone.
    x = recompute_blocks && !shares && !shares_choices
            ? recompute(run, body, x)
            : block_forward(run, block, angles, balance_weight, x, ngrams,
                            shares || shares_choices ? &shared : nullptr);
    if (keeps_targets && !shares) keep_targets(run, number, x, *further);
    if (observer) observer->observe(number, x);
    ++number;
  }
  if (further && !keeps_targets) *further = x;
  if (shares)
    x = collapse_streams(run, x, shared.pre, config_.hc_mult);
  else if (config_.is_compressed())
    x = collapse_streams(run, x, site_coefficients(run, stream_end_, x), config_.hc_mult);
  x = rms_norm(run, x, *final_norm_, float(config_.rms_norm_eps));
  x = scaled(run, x, float(config_.output_scale()));
  if (further && !config_.is_compressed()) *further = x;
  return x;
}

Tensor picked_rows(Run& run, const Tensor& from, std::span<const int> rows) {
  Tensor picked = run.make(int(rows.size()), from.cols);
  run.pool.run_here([&] {
    for (int i = 0; i < picked.rows; ++i)
      std::memcpy(picked.row(i), from.row(rows[size_t(i)]), sizeof(float) * size_t(from.cols));
  });
  return picked;
}

Tensor Model::logits(Run& run, Tensor hidden, std::span<const int> rows) const {
  const Zone zone("logits");
  return logits(run, picked_rows(run, hidden, rows));
}

namespace {

// [tokens, hidden] from the following tokens' embeddings and hidden states.
Tensor join(Run& run, const MtpModule& m, Tensor embeddings, Tensor hidden) {
  const int width = hidden.cols;
  Tensor joined = run.make(hidden.rows, 2 * width);
  rms_norm_into(run, embeddings, *m.embedding_norm.gain, m.embedding_norm.epsilon,
                joined.columns(0, width));
  rms_norm_into(run, hidden, *m.hidden_norm.gain, m.hidden_norm.epsilon,
                joined.columns(width, width));
  return linear(run, joined, m.project);
}

// DeepSeek-V4: x_k = e_proj norm(embedding) + h_proj norm(x_k) for every stream k, whose norm is
// its own.
Tensor join_streams(Run& run, const MtpModule& m, Tensor embeddings, Tensor streams) {
  const int width = embeddings.cols;
  const Tensor e = linear(run, m.embedding_norm(run, embeddings), m.embedding_project);
  const Tensor all = repeat_streams(run, e, streams.cols / width);
  const Tensor normed = m.hidden_norm(run, streams.folded(width));
  return add_linear(run, all.folded(width), normed, m.stream_project).folded(streams.cols);
}

}  // namespace

Tensor Model::predict_further(Run& run, Tensor& states, std::span<const int> next,
                              int depth) const {
  const Zone zone("forward.further");
  choose_adapter(run);
  require_angles(run);
  CHECK_LT(depth, int(mtp_.size()));
  const MtpModule& m = mtp_[size_t(depth)];
  CHECK_EQ(states.cols, further_width());
  const bool has_streams = config_.is_compressed();
  const Tensor embeddings = embed(run, *embedding_, next);
  Tensor x =
      has_streams ? join_streams(run, m, embeddings, states) : join(run, m, embeddings, states);
  auto body = [&block = m.block, table = rope_, balance = balance_weight](Run& r, Tensor in) {
    return block_forward(r, block, table, balance, in);
  };
  x = recompute_blocks ? recompute(run, body, x) : body(run, x);
  if (has_streams) {
    states = x;
    x = collapse_streams(run, x, site_coefficients(run, m.end, x), config_.hc_mult);
    return m.final_norm(run, x);
  }
  return states = m.final_norm(run, x);
}

Matrix* Model::find(const std::string& name) const {
  for (Matrix* w : weights_)
    if (w->name == name) return w;
  return nullptr;
}

void Model::zero_gradients() {
  if (!gradients().empty()) std::memset(gradients().data(), 0, gradients().size_bytes());
}

void Model::allocate_gradients() {
  constexpr size_t kLine = 64 / sizeof(float);  // every gradient begins on a cache line
  const auto padded = [](const Parameter& p) { return round_up(p.count(), kLine); };
  size_t floats = 0;
  for (const Parameter* p : parameters_) floats += padded(*p);
  gradients_ = Buffer(floats * sizeof(float));
  float* next = gradients_.floats();
  for (Parameter* p : parameters_) {
    p->grad = next;
    next += padded(*p);
  }
}

void Model::add_packed() {
  for (Matrix* w : multiplied_) {
    if (w->type != WeightType::f32 || is_streamed(*w)) continue;
    const bool has_backward = w->grad() != nullptr;
    w->packed = &packed_.emplace_back(*w, has_backward);
  }
  if (dspark_ && head_) dspark_->frozen_head.packed = head_->packed;
}

void Model::add_panels(bool has_room) {
  if (!kernels().repack_panel) return;
  std::vector<Matrix*> repacked;
  std::ranges::copy_if(multiplied_, std::back_inserter(repacked),
                       [&](const Matrix* w) { return !is_streamed(*w); });
  auto panels = std::make_unique<PanelSet>(repacked, has_room);
  if (!panels->panels().empty()) panels_ = std::move(panels);
}

void Model::clear_loads() {
  for (auto& load : loads_) std::fill(load->begin(), load->end(), 0);
}

RoutingTrace Model::routing_trace() const {
  auto is_inside = [&](const GateState& gate) { return gate.layer < config_.num_hidden_layers; };
  const auto layers = std::count_if(gates_.begin(), gates_.end(), is_inside);
  return RoutingTrace(int(layers), config_.num_experts_per_tok);
}

}  // namespace weir
