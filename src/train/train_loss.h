// The loss of pre-training on one micro-batch, forward and backward: next-token cross entropy, the
// further predictions of the MTP modules, and the experts' balance loss.
#pragma once
#include <cstdint>

#include "base/arena.h"
#include "base/thread_pool.h"
#include "corpus/dataset.h"
#include "model/model.h"

namespace weir {

// Sums over micro-batches of a step.
struct LossTotals {
  double loss = 0;  // sum of -log p over counted rows
  int64_t counted = 0;
  double mtp_loss = 0;  // the same over all MTP modules
  int64_t mtp_counted = 0;
  double balance_loss = 0;  // already weighted; sum over micro-batches of its share of the step
};

struct LossWeights {
  float token = 1;  // of every counted row: 1 / counted rows of the step
  float mtp = 0;    // lambda; 0: the modules are not run
  float aux = 1;    // of a micro-batch's balance loss: 1 / micro-batches
};

// Adds the micro-batch's gradients to the model's and its sums to `totals`. Resets the arena first.
void accumulate_gradients(const Model& model, const TrainingBatch& batch,
                          const LossWeights& weights, Arena& arena, ThreadPool& pool,
                          LossTotals& totals);

// What MTP module `depth` (0, 1 ...) learns from: row i combines its hidden state with the token
// depth + 1 ahead (`next`, 0 where there is none) and predicts the one depth + 2 ahead (`targets`,
// -1 where there is none), within the row's own segment. DeepSeek-V3, eq. 21-24.
struct FurtherTargets {
  std::vector<int> next, targets;
};
FurtherTargets further_targets(const TrainingBatch& batch, int depth);

}  // namespace weir
