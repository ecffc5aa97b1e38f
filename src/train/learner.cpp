#include "train/learner.h"

#include <fmt/format.h>

#include <cmath>

#include "config/size.h"
#include "tensor/batch.h"
#include "tensor/run.h"
#include "tensor/tape.h"
#include "train/trainer.h"

namespace weir {
namespace {

// Address space; pages that are not touched cost nothing. Single sequences may exceed the rows of a
// micro-batch, up to the model's context.
size_t arena_bytes(const ModelConfig& config, int rows_max) {
  const int64_t rows = std::max<int64_t>(rows_max, config.max_position_embeddings);
  return size_t(4 * training_memory(config, rows, false).activations) + (size_t(4) << 30);
}

}  // namespace

Learner::Learner(Model& model, const OptimizerRecipe& options, int rows_max, ThreadPool& pool)
    : model_(model),
      options_(options),
      rows_max_(rows_max),
      pool_(pool),
      arena_(arena_bytes(model.config(), rows_max)),
      optimizer_(options, model.parameters()) {
  model_.pack(pool);
}

void Learner::begin() {
  model_.pack(pool_);
  model_.zero_gradients();
  model_.clear_loads();
}

LossSum Learner::accumulate(const TrainingBatch& batch, TokenObjective& objective,
                            const Options& options) {
  arena_.reset();
  const Batch rows = batch.rows();
  Tape tape(arena_);
  Run run{arena_, pool_, rows};
  run.tape = &tape;
  run.aux_scale = options.aux_scale;
  run.routing = options.routing;
  Tensor hidden = model_.forward(run);
  LossSum sum = token_loss(run, hidden, model_.head(), batch.targets, objective,
                           options.log_probabilities, options.inverse_temperature);
  tape.backward();
  return sum;
}

void Learner::score(const Model& model, const TrainingBatch& batch, float inverse_temperature,
                    float* log_probabilities, Arena& arena, ThreadPool& pool, RoutingUse routing) {
  struct Nothing : TokenObjective {
    double evaluate(int, float, float&) override { return 0; }
  } nothing;
  arena.reset();
  const Batch rows = batch.rows();
  Run run{arena, pool, rows};
  run.routing = routing;
  Tensor hidden = model.forward(run);
  token_loss(run, hidden, model.head(), batch.targets, nothing, log_probabilities,
             inverse_temperature);
}

Result<double> Learner::update(double lr) {
  const double norm = optimizer_.gradient_norm(pool_);
  if (!std::isfinite(norm)) {
    std::string place = optimizer_.first_not_finite();
    return Error{
        fmt::format("the gradient is not finite{}{}; nothing was changed by this step. "
                    "Lower 'lr' and start the stage again",
                    place.empty() ? "" : "; first at ", place)};
  }
  optimizer_.update(pool_, updates++, lr, clip_scale(norm, options_.clip));
  model_.weights_changed();
  model_.pack(pool_);
  return norm;
}

void Learner::balance(float speed) { move_gate_biases(model_, speed); }

size_t scoring_arena_bytes(const ModelConfig& config, int rows_max) {
  return arena_bytes(config, rows_max);
}

std::vector<double> sequence_scores(const Model& model, std::span<const TrainingSequence> sequences,
                                    int rows_max, Arena& arena, ThreadPool& pool) {
  std::vector<double> scores(sequences.size());
  std::vector<float> rows;
  for (const MicroBatch& part : micro_batches(sequences, rows_max)) {
    const TrainingBatch batch = batch_of(sequences, part);
    rows.assign(batch.tokens.size(), 0);
    Learner::score(model, batch, 1, rows.data(), arena, pool);
    size_t row = 0;
    for (size_t i = part.begin; i < part.end; ++i)
      for (int r = part.shared[i - part.begin]; r < sequences[i].rows(); ++r, ++row)
        if (batch.targets[row] >= 0) scores[i] += double(rows[row]);
  }
  return scores;
}

}  // namespace weir
