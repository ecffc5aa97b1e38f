// The loss of a token as a function of its log-probability. Rows without a target (questions) are
// left out: with a large vocabulary they would cost a third of a step.
#include <cmath>
#include <cstring>
#include <span>

#include "ops/loss_chunks.h"
#include "ops/ops.h"

namespace weir {
namespace {

class TokenLoss final : public ChunkLoss {
 public:
  TokenLoss(std::span<const int> targets, TokenObjective& objective, float* log_probabilities,
            float inverse_temperature)
      : targets_(targets),
        objective_(objective),
        log_probabilities_(log_probabilities),
        inverse_temperature_(inverse_temperature) {}

  void prepare(Run& run, int rows, int) override {
    inverse_ = run.arena.floats(size_t(rows));
    log_prob_ = run.arena.floats(size_t(rows));
    slope_ = run.arena.floats(size_t(rows));
  }

  void evaluate(Run& run, std::span<const int> picked, Rows logits) override {
    statistics(run.pool, picked, logits);
    for (size_t r = 0; r < picked.size(); ++r) {
      const int row = picked[r];
      slope_[r] = 0;
      if (log_probabilities_) log_probabilities_[row] = log_prob_[r];
      sum.loss += objective_.evaluate(row, log_prob_[r], slope_[r]);
      sum.negative_log -= double(log_prob_[r]);
      ++sum.counted;
    }
    if (run.tape) logits_backward(run.pool, picked, logits);
  }

  LossSum sum;

 private:
  // log p of the targets; leaves exp(logit - top) in the logits.
  void statistics(ThreadPool& pool, std::span<const int> picked, Rows logits) {
    for_chunks(pool, logits.rows, 4, [&](int begin, int end, int) {
      for (int r = begin; r < end; ++r) {
        float* row = logits.data + size_t(r) * logits.stride;
        int target = targets_[size_t(picked[size_t(r)])];
        if (inverse_temperature_ != 1) kernels().scale(inverse_temperature_, row, row, logits.cols);
        float top = kernels().max(row, logits.cols);
        float at_target = row[target];
        float total = kernels().exp_sum(row, top, logits.cols);
        inverse_[r] = 1 / total;
        log_prob_[r] = at_target - (top + float(std::log(double(total))));
      }
    });
  }

  // In the forward pass this was: log p = f z[target] - log sum exp(f z), f = inverse temperature.
  // dz = f * slope * (onehot - softmax(f z)).
  void logits_backward(ThreadPool& pool, std::span<const int> picked, Rows logits) {
    for_chunks(pool, logits.rows, 4, [&](int begin, int end, int) {
      for (int r = begin; r < end; ++r) {
        float* row = logits.data + size_t(r) * logits.stride;
        int target = targets_[size_t(picked[size_t(r)])];
        const float slope = inverse_temperature_ * slope_[r];
        kernels().scale(-slope * inverse_[r], row, row, logits.cols);
        row[target] += slope;
      }
    });
  }

  std::span<const int> targets_;
  TokenObjective& objective_;
  float* log_probabilities_;
  float inverse_temperature_;
  float* inverse_ = nullptr;   // [rows] 1 / sum of exponentials
  float* log_prob_ = nullptr;  // [rows]
  float* slope_ = nullptr;     // [rows] d objective / d log p
};

}  // namespace

LossSum token_loss(Run& run, Tensor x, const Matrix& head, std::span<const int> targets,
                   TokenObjective& objective, float* log_probabilities, float inverse_temperature) {
  const Zone zone("token_loss");
  for (size_t row = 0; log_probabilities && row < targets.size(); ++row)
    if (targets[row] < 0) log_probabilities[row] = 0;
  TokenLoss loss(targets, objective, log_probabilities, inverse_temperature);
  chunked_loss(run, x, head, targets, loss);
  return loss.sum;
}

LossSum cross_entropy(Run& run, Tensor x, const Matrix& head, std::span<const int> targets,
                      float weight, float* log_probabilities) {
  CrossEntropy objective(weight);
  return token_loss(run, x, head, targets, objective, log_probabilities);
}

float log_sum_exp(const float* logits, int n, float* scratch) {
  std::memcpy(scratch, logits, sizeof(float) * size_t(n));
  float top = kernels().max(logits, n);
  return top + float(std::log(double(kernels().exp_sum(scratch, top, n))));
}

}  // namespace weir
