#include "train/learner.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "config/size.h"
#include "tensor/batch.h"
#include "tensor/run.h"
#include "train/gate_balance.h"

namespace weir {
namespace {

// Squares of larger gradients leave the range of f32 in the optimizer's second moment.
constexpr double kNormMax = 1e18;

// Address space for `rows` rows: what size.h counts, with room for scratch inside operations. Pages
// that are not touched cost nothing.
size_t arena_bytes(const ModelConfig& config, int64_t rows) {
  return size_t(4 * training_memory(config, rows, false).activations) + (size_t(4) << 30);
}

}  // namespace

Learner::Learner(Model& model, const LearnerOptions& options, ThreadPool& pool)
    : model_(model),
      options_(options),
      pool_(pool),
      arena_(arena_bytes(model.config(), std::max(options.rows_max, options.sequence_max))),
      optimizer_(options.optimizer, model.parameters()) {
  model_.pack(pool);
}

void Learner::begin() {
  model_.pack(pool_);
  model_.zero_gradients();
  model_.clear_loads();
  totals_ = {};
  micro_batches_ = 0;
}

Error Learner::stopped(const std::string& what) const {
  return Error{what + "; nothing was changed by this step. " + options_.remedy};
}

Result<void> Learner::accumulate(const TrainingBatch& batch, TokenObjective& objective,
                                 const LossOptions& options) {
  return add(batch, objective, options);
}
Result<void> Learner::accumulate(const TrainingBatch& batch, DistributionObjective& objective,
                                 const LossOptions& options) {
  return add(batch, objective, options);
}

template <class Objective>
Result<void> Learner::add(const TrainingBatch& batch, Objective& objective,
                          const LossOptions& options) {
  accumulate_gradients(model_, batch, objective, options, arena_, pool_, totals_);
  ++micro_batches_;
  if (std::isfinite(totals_.objective + totals_.mtp_negative_log + totals_.balance_loss)) return {};
  const std::string weight = first_weight_not_finite(model_);
  return stopped(
      fmt::format("the loss is {} in micro-batch {} (gradient norm of the step before {:.3g}); {}",
                  totals_.objective, micro_batches_, last_norm_,
                  weight.empty() ? "all weights are finite, so it overflowed on the way" : weight));
}

Result<UpdateStatistics> Learner::update(double lr, float bias_speed) {
  if (options_.communicator) TRY(options_.communicator->sum(model_.gradients()));
  const double norm = optimizer_.gradient_norm(pool_);
  const double scale = clip_scale(norm, options_.optimizer.clip);
  if (!std::isfinite(norm) || !(norm * scale < kNormMax)) {
    const std::string place = optimizer_.first_not_finite();
    return stopped(fmt::format("the gradient's norm is {:.3g} at learning rate {:.3g}{}{}", norm,
                               lr, place.empty() ? "" : "; first not finite: ", place));
  }
  optimizer_.update(pool_, updates++, lr, scale);
  model_.weights_changed();
  model_.pack(pool_);
  move_gate_biases(model_, bias_speed);
  last_norm_ = norm;
  return UpdateStatistics{totals_, norm};
}

void Learner::score(const Model& model, const TrainingBatch& batch, float inverse_temperature,
                    float* log_probabilities, Arena& arena, ThreadPool& pool, RoutingUse routing) {
  CrossEntropy nothing(0);  // only the log-probabilities are wanted
  arena.reset();
  const Batch rows = batch.rows();
  Run run{arena, pool, rows};
  run.routing = routing;
  run.exact = learns_exactly(model);
  Tensor hidden = model.forward(run);
  token_loss(run, hidden, model.head(), batch.targets, nothing, log_probabilities,
             inverse_temperature);
}

LossSum Learner::observe(const Model& model, const TrainingBatch& batch,
                         DistributionObjective& objective, float inverse_temperature, Arena& arena,
                         ThreadPool& pool, RoutingUse routing) {
  arena.reset();
  const Batch rows = batch.rows();
  Run run{arena, pool, rows};
  run.routing = routing;
  run.exact = learns_exactly(model);
  Tensor hidden = model.forward(run);
  return distribution_loss(run, hidden, model.head(), batch.targets, objective,
                           inverse_temperature);
}

std::string first_weight_not_finite(const Model& model) {
  for (const Parameter* w : model.parameters())
    for (size_t i = 0; i < w->count(); ++i)
      if (!std::isfinite(w->f32()[i]))
        return fmt::format("the weight of tensor '{}' at row {}, column {} is {}", w->name,
                           i / size_t(w->cols), i % size_t(w->cols), w->f32()[i]);
  return "";
}

size_t scoring_arena_bytes(const ModelConfig& config, int rows_max) {
  return arena_bytes(config, std::max(rows_max, config.max_position_embeddings));
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
