// What changes over the course of a run as pure functions of the step, so that a resumed run needs
// no state for it: learning rate, speed of the gate biases, weight of multi-token prediction.
#pragma once
#include <cstdint>

#include "train/training_recipe.h"

namespace weir {

// weir train: the rate of update `step` (0, 1 ... steps - 1). Warm-up is linear and ends at lr.
// Afterwards, with r = final_ratio,
//   constant: lr
//   cosine:   lr * (r + (1 - r) * (1 + cos(pi * p)) / 2), p from 0 to 1
//             (Loshchilov and Hutter 2017)
//   wsd:      lr, and over the last decay_fraction of the run linearly down to lr * r
//             (warm-up, stable, decay: Hu et al. 2024, MiniCPM, section 4)
double learning_rate(const TrainRecipe& recipe, int64_t step);

// A stage of weir r1: steps of a further round when a stage of `planned` steps is not good enough:
// a third of them.
int64_t round_steps(int64_t planned);

// A stage of weir r1: the rate of update `step` of `steps`: linear warm-up over at most a quarter
// of them, constant, linear decay. Steps from `steps` on are in further rounds, each with its own
// decay.
double stage_rate(const RateRecipe& rate, int64_t step, int64_t steps);

// bias_speed until bias_freeze_at of the run, then 0 (DeepSeek-V3, section 4.2).
double bias_speed(const TrainRecipe& recipe, int64_t step);

// weight until switch_at of the run, then final_weight (DeepSeek-V3, section 4.2: 0.3, then 0.1).
double mtp_weight(const TrainRecipe& recipe, int64_t step);

// Which of the three a model makes use of, beside the learning rate.
struct ScheduleUse {
  bool gate_biases = true, mtp = true;
};
// Whether the first `done` steps would have been the same with `other_steps` in place of
// recipe.steps: then a run may be continued under that length.
bool same_so_far(const TrainRecipe& recipe, int64_t other_steps, int64_t done, ScheduleUse use);

}  // namespace weir
