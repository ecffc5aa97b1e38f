#include "train/schedule.h"

#include <algorithm>
#include <cmath>

namespace weir {
namespace {

constexpr int64_t kWarmupPart = 4;  // of a stage's steps, which warm-up takes at most one of

// First step of the last `fraction` of the run.
int64_t part_of(int64_t steps, double fraction) {
  return int64_t(std::llround(double(steps) * fraction));
}

}  // namespace

double learning_rate(const TrainRecipe& recipe, int64_t step) {
  const ScheduleRecipe& s = recipe.schedule;
  const double lr = recipe.optimizer.lr;
  if (step < s.warmup_steps) return lr * double(step + 1) / double(s.warmup_steps);
  if (s.kind == ScheduleKind::cosine) {
    // The last update gets exactly the final rate.
    int64_t span = recipe.steps - 1 - s.warmup_steps;
    double p = span > 0 ? double(step - s.warmup_steps) / double(span) : 0;
    p = p > 1 ? 1 : p;
    return lr * (s.final_ratio + (1 - s.final_ratio) * 0.5 * (1 + std::cos(3.141592653589793 * p)));
  }
  if (s.kind == ScheduleKind::wsd) {
    int64_t begin = recipe.steps - part_of(recipe.steps, s.decay_fraction);
    if (step < begin) return lr;
    double p = double(step - begin + 1) / double(recipe.steps - begin);
    return lr * (1 - (1 - s.final_ratio) * (p > 1 ? 1 : p));
  }
  return lr;
}

int64_t round_steps(int64_t planned) { return std::max<int64_t>(1, (planned + 2) / 3); }

double stage_rate(const RateRecipe& rate, int64_t step, int64_t steps) {
  int64_t warmup = std::min(rate.warmup_steps, steps / kWarmupPart);
  if (step >= steps) {  // another round
    const int64_t round = round_steps(steps);
    step = (step - steps) % round;
    steps = round;
    warmup = 0;  // the optimizer's moments are warm
  }
  if (step < warmup) return rate.lr * double(step + 1) / double(warmup + 1);
  const double decay = rate.decay_fraction * double(steps);
  const double left = double(steps - step);
  if (decay <= 0 || left >= decay) return rate.lr;
  return rate.lr * (rate.final_ratio + (1 - rate.final_ratio) * left / decay);
}

double bias_speed(const TrainRecipe& recipe, int64_t step) {
  return step < part_of(recipe.steps, recipe.moe.bias_freeze_at) ? recipe.moe.bias_speed : 0;
}

double mtp_weight(const TrainRecipe& recipe, int64_t step) {
  return step < part_of(recipe.steps, recipe.mtp.switch_at) ? recipe.mtp.weight
                                                            : recipe.mtp.final_weight;
}

bool same_so_far(const TrainRecipe& recipe, int64_t other_steps, int64_t done, ScheduleUse use) {
  TrainRecipe other = recipe;
  other.steps = other_steps;
  for (int64_t step = 0; step < done; ++step)
    if (learning_rate(recipe, step) != learning_rate(other, step) ||
        (use.gate_biases && bias_speed(recipe, step) != bias_speed(other, step)) ||
        (use.mtp && mtp_weight(recipe, step) != mtp_weight(other, step)))
      return false;
  return true;
}

}  // namespace weir
