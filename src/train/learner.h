// The one way a model learns: gradients of an objective over micro-batches, a check that everything
// is finite, an update. Pretraining, supervised tuning, policy gradients and reward models differ
// in data and objective only.
#pragma once
#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "base/arena.h"
#include "base/thread_pool.h"
#include "model/model.h"
#include "train/batches.h"
#include "train/communicator.h"
#include "train/optimizer.h"
#include "train/train_loss.h"

namespace weir {

struct LearnerOptions {
  OptimizerRecipe optimizer = {};
  int rows_max = 2048;   // of a micro-batch
  int sequence_max = 0;  // rows of the longest single sequence, which may exceed rows_max
  std::string remedy = "Lower 'lr' and start the stage again";  // ends every error
  Communicator* communicator = nullptr;  // outlives the learner; null: there is one rank
};

// One update and the micro-batches it was made of.
struct UpdateStatistics {
  LossTotals loss;
  double gradient_norm = 0;  // before clipping
};

class Learner {
 public:
  // The model is trainable and outlives the learner.
  Learner(Model& model, const LearnerOptions& options, ThreadPool& pool);

  // Gradients, expert loads and loss totals begin anew.
  void begin();
  // Adds the gradients of one micro-batch. Error when its loss is not finite.
  Result<void> accumulate(const TrainingBatch& batch, TokenObjective& objective,
                          const LossOptions& options = {});
  Result<void> accumulate(const TrainingBatch& batch, DistributionObjective& objective,
                          const LossOptions& options = {});
  // Sums since begin().
  const LossTotals& totals() const { return totals_; }
  // Sums the gradients over all ranks, clips by their norm, updates, and moves the gate biases by
  // the loads since begin(). Error when the norm is not finite; weights, moments and gate biases
  // are as before then.
  Result<UpdateStatistics> update(double lr, float bias_speed = 0);

  // Log-probabilities of the targets under another model or this one, without gradients. [rows]
  // With `routing.own`, also what its gates choose.
  static void score(const Model& model, const TrainingBatch& batch, float inverse_temperature,
                    float* log_probabilities, Arena& arena, ThreadPool& pool,
                    RoutingUse routing = {});

  // The sum of an objective over the rows that have a target, without gradients; resets the arena
  // first. Of score(), but for objectives of the whole distribution.
  static LossSum observe(const Model& model, const TrainingBatch& batch,
                         DistributionObjective& objective, float inverse_temperature, Arena& arena,
                         ThreadPool& pool, RoutingUse routing = {});

  Model& model() { return model_; }
  const Model& model() const { return model_; }
  Optimizer& optimizer() { return optimizer_; }
  const Optimizer& optimizer() const { return optimizer_; }
  Arena& arena() { return arena_; }
  ThreadPool& pool() { return pool_; }
  int rows_max() const { return options_.rows_max; }
  const std::string& remedy() const { return options_.remedy; }
  double last_norm() const { return last_norm_; }  // of the update before; 0: there was none
  int64_t updates = 0;                             // done; the optimizer's counter

 private:
  template <class Objective>
  Result<void> add(const TrainingBatch& batch, Objective& objective, const LossOptions& options);
  Error stopped(const std::string& what) const;

  Model& model_;
  LearnerOptions options_;
  ThreadPool& pool_;
  Arena arena_;
  Optimizer optimizer_;
  LossTotals totals_;
  int micro_batches_ = 0;  // since begin()
  double last_norm_ = 0;
};

// The first weight that is not finite, in words; "" when all are. Reads every weight.
std::string first_weight_not_finite(const Model& model);

// Bytes of address space for Learner::score over `rows_max` rows.
size_t scoring_arena_bytes(const ModelConfig& config, int rows_max);

// Sum of the log-probabilities of each sequence's trained tokens, without gradients.
std::vector<double> sequence_scores(const Model& model, std::span<const TrainingSequence> sequences,
                                    int rows_max, Arena& arena, ThreadPool& pool);

}  // namespace weir
