// Direct preference optimisation: of two replies to a question the better one becomes more probable
// against a reference, without a reward model and without rollouts. docs/preferences.md
#pragma once
#include <memory>
#include <string>

#include "stages/stage.h"

namespace weir {

// The reference is the learner's model at this moment (the parent). Its log-probabilities of the
// stage's replies are computed here, before the first step, or read from `kept` where that file
// was written under the same `identity`. Null when a stop was requested meanwhile.
// Errors: a problem without a rejected reply.
Result<std::unique_ptr<Stage>> make_preference_stage(const R1Context& context,
                                                     const StageRecipe& stage, int64_t steps,
                                                     Learner& learner, const std::string& kept = "",
                                                     const std::string& identity = "");

}  // namespace weir
