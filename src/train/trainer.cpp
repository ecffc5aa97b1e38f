#include "train/trainer.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "base/clock.h"
#include "config/size.h"
#include "train/schedule.h"

namespace weir {
namespace {

// Of the running mean of the loss, per step.
constexpr double kMeanDecay = 0.95;
// Squares of larger gradients leave the range of f32 in the optimizer's second moment.
constexpr double kNormMax = 1e18;

// Address space for one micro-batch: what size.h counts, with room for scratch inside operations.
// Pages that are not touched cost nothing.
size_t arena_bytes(const TrainRecipe& recipe, const ModelConfig& config) {
  const int64_t tokens = int64_t(recipe.micro_windows()) * recipe.data.sequence_length;
  const double bytes = training_memory(config, tokens, false).activations;
  return size_t(4 * bytes) + (size_t(4) << 30);
}

constexpr char kRemedy[] =
    "; nothing was changed by this step. Lower 'optimizer.lr', lengthen 'schedule.warmup_steps', "
    "or look "
    "at the data, and continue in a new 'run' folder";

}  // namespace

std::string first_weight_not_finite(const Model& model) {
  for (const Weight* w : model.parameters())
    for (size_t i = 0; i < w->count(); ++i)
      if (!std::isfinite(w->f32()[i]))
        return fmt::format("the weight of tensor '{}' at row {}, column {} is {}", w->name,
                           i / size_t(w->cols), i % size_t(w->cols), w->f32()[i]);
  return "";
}

void move_gate_bias(float* bias, const std::vector<int64_t>& load, float speed) {
  int64_t total = 0;
  for (int64_t n : load) total += n;
  for (size_t i = 0; i < load.size(); ++i) {
    const int64_t scaled = load[i] * int64_t(load.size());
    if (scaled < total) bias[i] += speed;
    if (scaled > total) bias[i] -= speed;
  }
}

void move_gate_biases(Model& model, float speed) {
  if (speed <= 0) return;
  for (const Model::GateState& gate : model.gates()) {
    if (!gate.bias) continue;
    move_gate_bias(gate.bias->f32(), *gate.load, speed);
  }
}

std::vector<std::vector<double>> expert_shares(const Model& model) {
  std::vector<std::vector<double>> shares;
  for (const Model::GateState& gate : model.gates()) {
    int64_t total = 0;
    for (int64_t n : *gate.load) total += n;
    std::vector<double>& row = shares.emplace_back();
    for (int64_t n : *gate.load) row.push_back(total > 0 ? double(n) / double(total) : 0);
  }
  return shares;
}

Trainer::Trainer(const TrainRecipe& recipe, Model& model, const Dataset& dataset, ThreadPool& pool)
    : recipe_(recipe),
      model_(model),
      dataset_(dataset),
      pool_(pool),
      arena_(arena_bytes(recipe, model.config())),
      optimizer_(recipe.optimizer, model.parameters()) {
  model_.recompute_blocks = recipe.recompute;
  model_.balance_weight = float(recipe.moe.balance_weight);
}

void Trainer::fetch_batches() {
  const int count = recipe_.batch.windows / recipe_.micro_windows();
  batches_.resize(size_t(count));
  for (int i = 0; i < count; ++i)
    dataset_.training_batch(state_.step * count + i, recipe_.micro_windows(), batches_[size_t(i)]);
}

Result<LossTotals> Trainer::compute_gradients() {
  int64_t counted = 0;
  for (const TrainingBatch& batch : batches_) counted += batch.counted;
  if (counted == 0)
    return Error{fmt::format("step {}: no token of the batch has a successor to predict", step())};
  model_.pack(pool_);
  model_.zero_gradients();
  model_.clear_loads();
  LossTotals totals;
  const LossWeights weights{float(1 / double(counted)), float(mtp_weight(recipe_, step())),
                            float(1 / double(batches_.size()))};
  for (size_t i = 0; i < batches_.size(); ++i) {
    accumulate_gradients(model_, batches_[i], weights, arena_, pool_, totals);
    if (std::isfinite(totals.loss + totals.mtp_loss + totals.balance_loss)) continue;
    std::string weight = first_weight_not_finite(model_);
    return Error{fmt::format(
        "step {}: the loss is {} in micro-batch {} of {} (learning rate {:.3g}, gradient norm of "
        "the "
        "step before {:.3g}); {}{}",
        step() + 1, totals.loss, i + 1, batches_.size(), learning_rate(recipe_, step()), last_norm_,
        weight.empty() ? "all weights are finite, so it overflowed on the way" : weight, kRemedy)};
  }
  return totals;
}

Result<void> Trainer::check_loss(double loss) {
  // Random guessing costs log(vocabulary); a run that has learned and then is worse by far is lost.
  const double limit =
      recipe_.loss_limit_factor * state_.best_loss + std::log(double(model_.config().vocab_size));
  const bool settled = step() >= std::max<int64_t>(recipe_.schedule.warmup_steps, 1);
  if (recipe_.loss_limit_factor > 0 && settled && loss > limit)
    return Error{
        fmt::format("step {}: the loss exploded to {:.4g}; its running mean has been as low as "
                    "{:.4g}, and the limit is "
                    "{:.4g} ('loss_limit_factor' times that, plus the logarithm of the vocabulary; "
                    "0 switches this "
                    "off){}",
                    step() + 1, loss, state_.best_loss, limit, kRemedy)};
  return {};
}

Result<double> Trainer::checked_gradient_norm(double lr) {
  const double norm = optimizer_.gradient_norm(pool_);
  const double applied = norm * clip_scale(norm, recipe_.optimizer.clip);
  if (std::isfinite(norm) && applied < kNormMax) return norm;
  std::string place = optimizer_.first_not_finite();
  return Error{fmt::format("step {}: the gradient's norm is {:.3g} at learning rate {:.3g}{}{}{}",
                           step() + 1, norm, lr, place.empty() ? "" : "; first not finite: ", place,
                           kRemedy)};
}

Result<StepMetrics> Trainer::advance() {
  const int64_t began = monotonic_ns();
  const double lr = learning_rate(recipe_, step());
  fetch_batches();
  LossTotals totals = TRY(compute_gradients());
  const double loss = totals.loss / double(totals.counted);
  TRY(check_loss(loss));
  const double norm = TRY(checked_gradient_norm(lr));

  optimizer_.update(pool_, step(), lr, clip_scale(norm, recipe_.optimizer.clip));
  model_.weights_changed();
  model_.pack(pool_);
  move_gate_biases(model_, float(bias_speed(recipe_, step())));

  last_norm_ = norm;
  ++state_.step;
  state_.tokens += totals.counted;
  state_.mean_loss = step() == 1 ? loss : kMeanDecay * state_.mean_loss + (1 - kMeanDecay) * loss;
  state_.best_loss = step() == 1 ? loss : std::min(state_.best_loss, state_.mean_loss);
  const double seconds = double(monotonic_ns() - began) * 1e-9;
  state_.seconds += seconds;

  StepMetrics metrics;
  metrics.step = step();
  metrics.loss = loss;
  if (totals.mtp_counted > 0) metrics.mtp_loss = totals.mtp_loss / double(totals.mtp_counted);
  if (!model_.gates().empty() && recipe_.moe.balance_weight > 0)
    metrics.balance_loss = totals.balance_loss;
  metrics.lr = lr;
  metrics.grad_norm = norm;
  metrics.tokens_per_second = double(totals.counted) / std::max(seconds, 1e-9);
  metrics.seconds = state_.seconds;
  metrics.tokens = state_.tokens;
  metrics.expert_load = expert_shares(model_);
  return metrics;
}

}  // namespace weir
