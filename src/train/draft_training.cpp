#include "train/draft_training.h"

#include <algorithm>
#include <cmath>

#include "ops/draft_loss.h"

namespace weir {
namespace {

constexpr double kDecayRows = 4;  // after which a row counts 1 / e

}  // namespace

DraftBlocks::DraftBlocks(const TrainingBatch& batch, const ModelConfig& config) {
  const int size = config.dspark_block_size;
  const Batch rows = batch.rows();
  for (const Segment& s : rows.segments()) {
    if (s.root >= 0) continue;
    for (int at = 1; at < s.count; at += size) {
      const int first = s.begin + at, position = s.position + at;
      if (position + size > config.max_position_embeddings) break;
      begins_.push_back(first - std::min(at, config.sliding_window));
      ends_.push_back(first);
      const int block = int(begins_.size()) - 1;
      for (int k = 0; k < size; ++k) {
        const bool is_there = at + k < s.count;
        tokens_.push_back(k == 0 ? batch.tokens[size_t(first)] : config.dspark_noise_token_id);
        positions_.push_back(position + k);
        sequences_.push_back(block);
        before.push_back(is_there ? batch.tokens[size_t(first + k)] : 0);
        targets.push_back(is_there ? batch.targets[size_t(first + k)] : -1);
        decay.push_back(float(std::exp(-k / kDecayRows)));
      }
    }
  }
  batch_ = Batch(tokens_, positions_, sequences_);
}

DraftLoss record_draft_loss(const Model& model, Run& run, const DraftBlocks& blocks, Tensor states,
                            float weight) {
  if (blocks.rows() == 0) return {};
  Run draft{run.arena, run.pool, blocks.batch()};
  draft.tape = run.tape;
  draft.exact = run.exact;
  const Tensor context = model.draft_context(run, states);
  const Tensor hidden = model.draft_hidden(draft, blocks.context(context));
  const Tensor logits = model.draft_bias(draft, model.draft_logits(draft, hidden), blocks.before);
  std::vector<float> weights;
  std::vector<int> labels;
  for (int r = 0; r < logits.rows; ++r) {
    const float* row = logits.row(r);
    const int target = blocks.targets[size_t(r)];
    const auto likeliest = int(std::max_element(row, row + logits.cols) - row);
    labels.push_back(target < 0 ? -1 : likeliest == target);
    weights.push_back(weight * blocks.decay[size_t(r)]);
  }
  const Tensor scores = model.draft_confidence(draft, hidden, blocks.before);
  weighted_binary_entropy(draft, scores, labels, weights);
  const LossSum sum = weighted_cross_entropy(draft, logits, blocks.targets, weights);
  return {sum.negative_log, sum.counted};
}

}  // namespace weir
