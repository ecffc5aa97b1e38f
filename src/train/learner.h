// The one way a model learns in every stage: gradients of objectives over micro-batches, a check,
// an update. Supervised tuning, policy gradients and reward models differ in objectives and data
// only.
#pragma once
#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "base/arena.h"
#include "base/thread_pool.h"
#include "corpus/document_stream.h"
#include "model/model.h"
#include "train/batches.h"
#include "train/optimizer.h"

namespace weir {

class Learner {
 public:
  // The model is trainable and outlives the learner; `rows_max` rows are computed at a time.
  Learner(Model& model, const OptimizerRecipe& options, int rows_max, ThreadPool& pool);

  // Gradients and expert loads begin anew.
  void begin();
  // Adds the gradients of one micro-batch. `aux_scale` weighs its balance loss.
  struct Options {
    float inverse_temperature = 1, aux_scale = 0;
    float* log_probabilities = nullptr;  // [rows]
    RoutingUse routing = {};             // of the batch's rows; append_experts lays them out
  };
  LossSum accumulate(const TrainingBatch& batch, TokenObjective& objective, const Options& options);
  // Divides by nothing, clips by the norm, updates. Error when the norm is not finite; the weights
  // are as before then.
  Result<double> update(double lr);
  // Moves the gate biases by the loads since begin().
  void balance(float speed);

  // Log-probabilities of the targets under another model or this one, without gradients. [rows]
  // With `routing.own`, also what its gates choose.
  static void score(const Model& model, const TrainingBatch& batch, float inverse_temperature,
                    float* log_probabilities, Arena& arena, ThreadPool& pool,
                    RoutingUse routing = {});

  Model& model() { return model_; }
  Optimizer& optimizer() { return optimizer_; }
  Arena& arena() { return arena_; }
  ThreadPool& pool() { return pool_; }
  int rows_max() const { return rows_max_; }
  int64_t updates = 0;  // done; the optimizer's counter

 private:
  Model& model_;
  OptimizerRecipe options_;
  int rows_max_;
  ThreadPool& pool_;
  Arena arena_;
  Optimizer optimizer_;
};

// Address space for Learner::score over `rows_max` rows.
size_t scoring_arena_bytes(const ModelConfig& config, int rows_max);

// Sum of the log-probabilities of each sequence's trained tokens, without gradients.
std::vector<double> sequence_scores(const Model& model, std::span<const TrainingSequence> sequences,
                                    int rows_max, Arena& arena, ThreadPool& pool);

}  // namespace weir
