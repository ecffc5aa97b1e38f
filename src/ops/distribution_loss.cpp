#include "ops/distribution_loss.h"

#include <cmath>
#include <vector>

#include "ops/loss_chunks.h"

namespace weir {
namespace {

class DistributionLoss final : public ChunkLoss {
 public:
  DistributionLoss(std::span<const int> targets, DistributionObjective& objective,
                   float inverse_temperature)
      : targets_(targets), objective_(objective), inverse_temperature_(inverse_temperature) {}

  void prepare(Run&, int rows, int) override { losses_.resize(size_t(rows)); }

  void evaluate(Run& run, std::span<const int> picked, Rows logits) override {
    objective_.begin(run, picked);
    for_chunks(run.pool, logits.rows, 1, [&](int begin, int end, int) {
      for (int r = begin; r < end; ++r) {
        float* row = logits.data + size_t(r) * logits.stride;
        const bool is_scaled = inverse_temperature_ != 1;
        if (is_scaled) kernels().scale(inverse_temperature_, row, row, logits.cols);
        const int index = picked[size_t(r)];
        losses_[size_t(r)] = objective_.evaluate(
            {index, targets_[size_t(index)], {row, size_t(logits.cols)}}, size_t(r), run.tape);
        // In the forward pass this was: z' = f z.
        if (is_scaled && run.tape) kernels().scale(inverse_temperature_, row, row, logits.cols);
      }
    });
    for (int r = 0; r < logits.rows; ++r) sum.loss += losses_[size_t(r)];
    sum.counted += logits.rows;
  }

  LossSum sum;

 private:
  std::span<const int> targets_;
  DistributionObjective& objective_;
  float inverse_temperature_;
  std::vector<double> losses_;
};

}  // namespace

LossSum distribution_loss(Run& run, Tensor x, const Matrix& head, std::span<const int> targets,
                          DistributionObjective& objective, float inverse_temperature) {
  const Zone zone("distribution_loss");
  DistributionLoss loss(targets, objective, inverse_temperature);
  chunked_loss(run, x, head, targets, loss);
  return loss.sum;
}

RowFacts row_facts(std::span<float> logits, int target) {
  const int n = int(logits.size());
  thread_local std::vector<float> kept;
  kept.assign(logits.begin(), logits.end());
  const float top = kernels().max(logits.data(), n);
  const float total = kernels().exp_sum(logits.data(), top, n);
  // H = log sum - sum p (z - top): terms with p = 0 add nothing.
  double moment = 0;
  for (size_t i = 0; i < kept.size(); ++i)
    if (logits[i] > 0) moment += double(logits[i]) * double(kept[i] - top);
  const double log_total = std::log(double(total));
  return {kept[size_t(target)] - (top + float(log_total)),
          float(log_total - moment / double(total))};
}

}  // namespace weir
