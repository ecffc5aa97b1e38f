// What a step of a policy's stage costs, tried on the model that the stage starts from. A scratch
// model cannot tell: how long replies are, how many of a group begin alike and are computed
// together, and how many groups teach nothing depends on the policy.
#pragma once
#include <cstdint>
#include <string>

#include "pipeline/r1_folder.h"
#include "stages/stage.h"

namespace weir {

struct StepTrial {
  bool is_stopped = false;  // by a signal
  int steps = 0;            // that were taken
  double step_seconds = 0;  // of one
  double seconds = 0;       // of all
};

// Takes steps of the stage with a copy of the model in `parent_folder` and drops what they learned;
// the run's folder is not written to. They are from the middle of the `steps` planned, where most
// parts of the reward count. A step is begun while `seconds_max` has room for it, the first always.
Result<StepTrial> try_steps(const R1Context& context, const R1Folder& folder,
                            const ModelConfig& config, const StageRecipe& stage, int64_t steps,
                            const std::string& parent_folder, double seconds_max);

}  // namespace weir
