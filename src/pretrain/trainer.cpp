#include "pretrain/trainer.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "base/clock.h"
#include "train/gate_balance.h"
#include "train/schedule.h"

namespace weir {
namespace {

// Of the running mean of the loss, per step.
constexpr double kMeanDecay = 0.95;

constexpr char kRemedy[] =
    "Lower 'optimizer.lr', lengthen 'schedule.warmup_steps', or look at the data, and continue in "
    "a new 'run' folder";

LearnerOptions learner_options(const TrainRecipe& recipe) {
  LearnerOptions options;
  options.optimizer = recipe.optimizer;
  options.rows_max = recipe.micro_windows() * recipe.data.sequence_length;
  options.remedy = kRemedy;
  return options;
}

}  // namespace

Trainer::Trainer(const TrainRecipe& recipe, Model& model, const Dataset& dataset, ThreadPool& pool)
    : recipe_(recipe), dataset_(dataset), learner_(model, learner_options(recipe), pool) {
  model.recompute_blocks = recipe.recompute;
  model.balance_weight = float(recipe.moe.balance_weight);
}

void Trainer::resume(const CheckpointState& state) {
  state_ = state;
  learner_.updates = state.step;
}

// Gradients of the step's windows, a micro-batch at a time.
Result<void> Trainer::accumulate() {
  const int count = recipe_.batch.windows / recipe_.micro_windows();
  batches_.resize(size_t(count));
  int64_t counted = 0;
  for (int i = 0; i < count; ++i) {
    dataset_.training_batch(step() * count + i, recipe_.micro_windows(), batches_[size_t(i)]);
    counted += batches_[size_t(i)].counted;
  }
  if (counted == 0)
    return Error{fmt::format("step {}: no token of the batch has a successor to predict", step())};
  CrossEntropy objective(float(1 / double(counted)));
  LossOptions options;
  options.mtp_weight = float(1 / double(counted)) * float(mtp_weight(recipe_, step()));
  options.aux_scale = float(1 / double(count));
  learner_.begin();
  for (const TrainingBatch& batch : batches_)
    TRY_IN(fmt::format("step {}, learning rate {:.3g}", step() + 1, learning_rate(recipe_, step())),
           learner_.accumulate(batch, objective, options));
  return {};
}

Result<void> Trainer::check_loss(double loss) const {
  // Random guessing costs log(vocabulary); a run that has learned and then is worse by far is lost.
  const double limit = recipe_.loss_limit_factor * state_.best_loss +
                       std::log(double(learner_.model().config().vocab_size));
  const bool settled = step() >= std::max<int64_t>(recipe_.schedule.warmup_steps, 1);
  if (recipe_.loss_limit_factor > 0 && settled && loss > limit)
    return Error{fmt::format(
        "step {}: the loss exploded to {:.4g}; its running mean has been as low as {:.4g}, and the "
        "limit is {:.4g} ('loss_limit_factor' times that, plus the logarithm of the vocabulary; 0 "
        "switches this off); nothing was changed by this step. {}",
        step() + 1, loss, state_.best_loss, limit, kRemedy)};
  return {};
}

Result<StepMetrics> Trainer::advance() {
  const int64_t began = monotonic_ns();
  const double lr = learning_rate(recipe_, step());
  TRY(accumulate());
  const LossTotals totals = learner_.totals();
  const double loss = totals.negative_log / double(totals.counted);
  TRY(check_loss(loss));
  const UpdateStatistics done = TRY_IN(fmt::format("step {}", step() + 1),
                                       learner_.update(lr, float(bias_speed(recipe_, step()))));

  ++state_.step;
  state_.tokens += totals.counted;
  state_.mean_loss = step() == 1 ? loss : kMeanDecay * state_.mean_loss + (1 - kMeanDecay) * loss;
  state_.best_loss = step() == 1 ? loss : std::min(state_.best_loss, state_.mean_loss);
  const double seconds = double(monotonic_ns() - began) * 1e-9;
  state_.seconds += seconds;

  StepMetrics metrics;
  metrics.step = step();
  metrics.loss = loss;
  if (totals.mtp_counted > 0)
    metrics.mtp_loss = totals.mtp_negative_log / double(totals.mtp_counted);
  if (!learner_.model().gates().empty() && recipe_.moe.balance_weight > 0)
    metrics.balance_loss = totals.balance_loss;
  metrics.lr = lr;
  metrics.grad_norm = done.gradient_norm;
  metrics.tokens_per_second = double(totals.counted) / std::max(seconds, 1e-9);
  metrics.seconds = state_.seconds;
  metrics.tokens = state_.tokens;
  metrics.expert_load = expert_shares(learner_.model());
  return metrics;
}

}  // namespace weir
