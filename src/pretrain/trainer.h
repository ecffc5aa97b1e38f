// Pretraining: batches of a dataset, the learner, a schedule, and a guard against a loss that
// explodes. Knows no files; run_training.h keeps the run's folder and decides when to evaluate,
// save and stop.
#pragma once
#include <cstdint>
#include <vector>

#include "corpus/dataset.h"
#include "train/learner.h"
#include "train/metrics.h"
#include "train/training_checkpoint.h"
#include "train/training_recipe.h"

namespace weir {

class Trainer {
 public:
  // Everything passed in outlives the trainer. The model is trainable and holds its first weights,
  // or resume() gives it those of a checkpoint.
  Trainer(const TrainRecipe& recipe, Model& model, const Dataset& dataset, ThreadPool& pool);

  // Update number step(). When the loss or a gradient is not finite, or the loss explodes, weights,
  // moments and gate biases stay as they were and the error tells what was found where.
  Result<StepMetrics> advance();

  int64_t step() const { return state_.step; }  // updates done
  // What a checkpoint has to say about the trainer; hashes and recipe are the run's business.
  const CheckpointState& state() const { return state_; }
  void resume(const CheckpointState& state);

  Learner& learner() { return learner_; }
  Optimizer& optimizer() { return learner_.optimizer(); }
  Arena& arena() { return learner_.arena(); }

 private:
  Result<void> accumulate();
  Result<void> check_loss(double loss) const;

  const TrainRecipe& recipe_;
  const Dataset& dataset_;
  Learner learner_;
  CheckpointState state_;
  std::vector<TrainingBatch> batches_;  // of the step
};

}  // namespace weir
