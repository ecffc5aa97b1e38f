#include "ops/draft_loss.h"

#include <cmath>
#include <cstring>
#include <vector>

#include "ops/matmul.h"

namespace weir {

// d loss / d logits = weight (softmax - one at the target).
LossSum weighted_cross_entropy(Run& run, Tensor logits, std::span<const int> targets,
                               std::span<const float> weights) {
  const Zone zone("draft_loss");
  CHECK_EQ(int(targets.size()), logits.rows);
  CHECK_EQ(targets.size(), weights.size());
  const int width = logits.cols;
  const bool has_gradient = run.tape != nullptr;
  if (has_gradient) CHECK(!logits.accumulate());
  std::vector<double> negative(targets.size(), 0);
  std::vector<float> rooms(size_t(run.pool.threads()) * size_t(width));
  for_chunks(run.pool, logits.rows, 1, [&](int begin, int end, int thread) {
    for (int r = begin; r < end; ++r) {
      const int target = targets[size_t(r)];
      float* p = has_gradient ? logits.grad_row(r) : rooms.data() + size_t(thread) * size_t(width);
      if (target < 0) {
        if (has_gradient) std::memset(p, 0, sizeof(float) * size_t(width));
        continue;
      }
      std::memcpy(p, logits.row(r), sizeof(float) * size_t(width));
      const float top = kernels().max(p, width);
      const float sum = kernels().exp_sum(p, top, width);
      negative[size_t(r)] = double(std::log(sum)) + double(top) - double(logits.row(r)[target]);
      if (!has_gradient) continue;
      const float weight = weights[size_t(r)];
      kernels().scale(weight / sum, p, p, width);
      p[target] -= weight;
    }
  });
  LossSum total;
  for (size_t r = 0; r < targets.size(); ++r) {
    if (targets[r] < 0) continue;
    total.loss += double(weights[r]) * negative[r];
    total.negative_log += negative[r];
    ++total.counted;
  }
  return total;
}

// d loss / d score = weight (sigmoid(score) - label).
double weighted_binary_entropy(Run& run, Tensor scores, std::span<const int> labels,
                               std::span<const float> weights) {
  CHECK_EQ(int(labels.size()), scores.rows);
  CHECK_EQ(scores.cols, 1);
  if (run.tape) CHECK(!scores.accumulate());
  double total = 0;
  for (int r = 0; r < scores.rows; ++r) {
    const int label = labels[size_t(r)];
    const bool counts = label == 0 || label == 1;
    const double s = double(*scores.row(r)), weight = counts ? double(weights[size_t(r)]) : 0;
    if (run.tape) *scores.grad_row(r) = float(weight * (1 / (1 + std::exp(-s)) - label));
    // log(1 + exp(s)) - label s, whose exponent is never positive.
    if (counts)
      total += weight * (std::max(s, 0.) + std::log1p(std::exp(-std::fabs(s))) - label * s);
  }
  return total;
}

}  // namespace weir
