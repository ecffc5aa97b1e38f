// Who judges the replies of a policy's stage beside rules: reward models of earlier stages, and a
// guard.
#pragma once
#include <map>
#include <memory>
#include <string>

#include "pipeline/r1_folder.h"
#include "stages/guard_reward.h"
#include "stages/reward_model.h"
#include "stages/rewards.h"
#include "stages/stage.h"

namespace weir {

class StageJudges {
 public:
  // Those that the stage's rewards name; the models are read from the run's folder.
  static Result<StageJudges> load(const R1Context& context, const R1Folder& folder,
                                  const StageRecipe& stage);
  // Views of them, which this outlives.
  RewardJudges all() const;

 private:
  std::map<std::string, std::unique_ptr<RewardModel>> models_;
  std::unique_ptr<GuardReward> guard_;  // null: no part of the reward asks it
};

}  // namespace weir
