// The loss of one micro-batch, forward and backward: an objective of the tokens' log-probabilities,
// the further predictions of the MTP modules or what DSpark's stages draft, and the experts'
// balance loss.
#pragma once
#include <cstdint>
#include <vector>

#include "base/arena.h"
#include "base/thread_pool.h"
#include "corpus/document_stream.h"
#include "model/model.h"
#include "ops/distribution_loss.h"
#include "tensor/routing_trace.h"

namespace weir {

// Sums over micro-batches of a step.
struct LossTotals {
  double objective = 0;     // over counted rows
  double negative_log = 0;  // sum of -log p over counted rows, unweighted
  int64_t counted = 0;
  double mtp_negative_log = 0;  // the same over all MTP modules, or over drafted rows
  int64_t mtp_counted = 0;
  double balance_loss = 0;  // already weighted; sum over micro-batches of its share of the step
};

struct LossOptions {
  float inverse_temperature = 1;
  float mtp_weight = 0;  // of a row's cross entropy, lambda / counted rows; 0: no module is run
  float aux_scale = 0;   // of a micro-batch's balance loss: 1 / micro-batches of the step
  float* log_probabilities = nullptr;  // [rows]
  RoutingUse routing = {};             // of the batch's rows; append_experts lays them out
};

// Whether passes that learn read activations as they are (Run::exact). Over a frozen quantized base
// they read them in 14 bits, as generation does: three times as fast, and its log-probabilities.
inline bool learns_exactly(const Model& model) { return model.adapters() == 0; }

// Adds the micro-batch's gradients to the model's and its sums to `totals`. Resets the arena first.
void accumulate_gradients(const Model& model, const TrainingBatch& batch, TokenObjective& objective,
                          const LossOptions& options, Arena& arena, ThreadPool& pool,
                          LossTotals& totals);

// The same for an objective of the rows' whole distributions; `log_probabilities` is not written.
void accumulate_gradients(const Model& model, const TrainingBatch& batch,
                          DistributionObjective& objective, const LossOptions& options,
                          Arena& arena, ThreadPool& pool, LossTotals& totals);

// What MTP module `depth` (0, 1 ...) learns from: row i combines its hidden state with the token
// depth + 1 ahead (`next`, 0 where there is none) and predicts the one depth + 2 ahead (`targets`,
// -1 where there is none), within the row's own segment. DeepSeek-V3, eq. 21-24.
struct FurtherTargets {
  std::vector<int> next, targets;
};
FurtherTargets further_targets(const TrainingBatch& batch, int depth);

}  // namespace weir
