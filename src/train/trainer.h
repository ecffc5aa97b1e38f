// One training step after another: micro-batches, loss, gradients, update, gate biases. Knows no
// files; run_training.h keeps the run's folder and decides when to evaluate, save and stop.
#pragma once
#include <cstdint>
#include <string>
#include <vector>

#include "base/arena.h"
#include "base/thread_pool.h"
#include "corpus/dataset.h"
#include "model/model.h"
#include "train/metrics.h"
#include "train/optimizer.h"
#include "train/train_loss.h"
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
  void resume(const CheckpointState& state) { state_ = state; }

  Optimizer& optimizer() { return optimizer_; }
  Arena& arena() { return arena_; }

 private:
  void fetch_batches();
  Result<LossTotals> compute_gradients();
  Result<void> check_loss(double loss);
  Result<double> checked_gradient_norm(double lr);

  const TrainRecipe& recipe_;
  Model& model_;
  const Dataset& dataset_;
  ThreadPool& pool_;
  Arena arena_;
  Optimizer optimizer_;
  CheckpointState state_;
  std::vector<TrainingBatch> batches_;
  double last_norm_ = 0;
};

// The first weight that is not finite, as words; "" when all are. A pass over all weights.
std::string first_weight_not_finite(const Model& model);

// Per gate: the share of tokens of each expert since clear_loads().
std::vector<std::vector<double>> expert_shares(const Model& model);

// bias_i += speed * sign(mean load - load_i): an expert with less than its share of tokens becomes
// easier to choose (Wang et al. 2024, arXiv:2408.15664, algorithm 1; DeepSeek-V3, section 2.1.2).
void move_gate_bias(float* bias, const std::vector<int64_t>& load, float speed);
// The same for every gate of the model that has a bias, by its load since clear_loads(). No speed:
// nothing.
void move_gate_biases(Model& model, float speed);

}  // namespace weir
