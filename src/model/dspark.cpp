// Passes of DSpark's stages (dspark.h).
#include "model/dspark.h"

#include <algorithm>
#include <cstring>

#include "model/model.h"

namespace weir {
namespace {

// Rows of a table, without a gradient for it.
Tensor rows_of_table(Run& run, const Matrix& table, std::span<const int> tokens) {
  Run quiet = run.unrecorded();
  const Tensor found = embed(quiet, table, tokens);
  Tensor rows = run.make(found.rows, found.cols);
  run.pool.run_here([&] {
    for (int r = 0; r < rows.rows; ++r)
      std::memcpy(rows.row(r), found.row(r), sizeof(float) * size_t(rows.cols));
  });
  return rows;
}

}  // namespace

// The mean over streams of some layers, side by side; no gradient reaches the model from there.
// V4 names the layers whose results are read, V4.1 those whose inputs are.
void Model::keep_targets(Run& run, int layer, const Tensor& streams, Tensor& further) const {
  const std::vector<int>& layers = config_.dspark_target_layer_ids;
  const auto found = std::find(layers.begin(), layers.end(), layer);
  if (found == layers.end()) return;
  const int width = config_.hidden_size, n = config_.hc_mult;
  const int column = int(found - layers.begin()) * width;
  run.pool.run_here([&] {
    for (int t = 0; t < streams.rows; ++t) {
      float* to = further.row(t) + column;
      kernels().scale(1 / float(n), streams.row(t), to, width);
      for (int i = 1; i < n; ++i)
        kernels().axpy(1 / float(n), streams.row(t) + i * width, to, width);
    }
  });
}

Tensor Model::draft_context(Run& run, Tensor states) const {
  const Zone zone("draft.context");
  CHECK(dspark_);
  CHECK_EQ(states.cols, further_width());
  require_angles(run);
  const int width = config_.head_dim;
  const Tensor x = dspark_->norm(run, linear(run, states, dspark_->project));
  Tensor rows = run.make(x.rows, int(dspark_->stages.size()) * width);
  int column = 0;
  for (const Block& stage : dspark_->stages) {
    const WindowAttention& a = stage.window;
    Tensor own = rows.columns(column, width);
    rms_norm_into(run, linear(run, x, a.kv), *a.kv_gain, a.epsilon, own);
    rope(run, own, width, rope_);
    column += width;
  }
  return rows;
}

Tensor Model::draft_hidden(Run& run, const DraftContext& context) const {
  const Zone zone("draft.block");
  CHECK(dspark_ && !run.cache);
  require_angles(run);
  const bool is_delayed = config_.shares_entries();
  const int streams = config_.hc_mult, width = config_.head_dim;
  Tensor x = repeat_streams(run, rows_of_table(run, *embedding_, run.batch.tokens()), streams);
  SharedEntries shared;
  if (is_delayed) shared.pre = first_stream(run, x.rows, streams);
  int column = 0;
  for (const Block& stage : dspark_->stages) {
    Entries entries;
    entries.rows = context.rows.columns(column, width);
    entries.begin = context.begin, entries.end = context.end;
    x = block_forward(run, stage, rope_, 0, x, {}, is_delayed ? &shared : nullptr, &entries);
    column += width;
  }
  const Tensor mixture = is_delayed ? shared.pre : site_coefficients(run, dspark_->end, x);
  return collapse_streams(run, x, mixture, streams);
}

Tensor Model::draft_logits(Run& run, Tensor hidden) const {
  const Linear frozen(dspark_->frozen_head);
  const Tensor n = dspark_->final_norm(run, hidden);
  return run.tape ? linear(run, n, frozen) : logits(run, n);
}

Tensor Model::draft_bias(Run& run, Tensor logits, std::span<const int> before) const {
  return add_linear(run, logits, embed(run, *dspark_->markov_in, before), dspark_->markov_out);
}

Tensor Model::draft_confidence(Run& run, Tensor hidden, std::span<const int> before) const {
  const int width = hidden.cols;
  Run quiet = run.unrecorded();
  const Tensor token = embed(quiet, *dspark_->markov_in, before);
  Tensor joined = run.make(hidden.rows, width + token.cols);
  run.pool.run_here([&] {
    for (int r = 0; r < joined.rows; ++r) {
      std::memcpy(joined.row(r), hidden.row(r), sizeof(float) * size_t(width));
      std::memcpy(joined.row(r) + width, token.row(r), sizeof(float) * size_t(token.cols));
    }
  });
  return linear(run, joined, dspark_->confidence);
}

}  // namespace weir
