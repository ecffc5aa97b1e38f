// Reinforcement learning by group-relative policy optimisation (GRPO: DeepSeekMath,
// arXiv:2402.03300, section 4.1; with DAPO's asymmetric clipping and dynamic sampling,
// arXiv:2503.14476, and Dr. GRPO's loss, arXiv:2503.20783). Rollouts come from the project's own
// generator, whose log-probabilities are those of the training forward bit for bit, so the first
// update of a batch is exactly on-policy.
#pragma once
#include <memory>
#include <string>

#include "stages/rewards.h"
#include "stages/stage.h"

namespace weir {

// `judges` outlive the stage.
// The reference model of the KL term is a copy of the parent's weights (the learner's at this
// moment).
Result<std::unique_ptr<Stage>> make_grpo_stage(const R1Context& context, const StageRecipe& stage,
                                               int64_t steps, Learner& learner,
                                               RewardJudges judges);

}  // namespace weir
