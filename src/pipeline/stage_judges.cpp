#include "pipeline/stage_judges.h"

namespace weir {

Result<StageJudges> StageJudges::load(const R1Context& context, const R1Folder& folder,
                                      const StageRecipe& stage) {
  StageJudges judges;
  for (const auto& [part, reward] : stage.grpo.rewards) {
    if (!reward.policy.empty())
      judges.guard_ = TRY(GuardReward::open(reward, context.recipe.base, context.recipe.threads));
    if (!reward.has_reward_model() || judges.models_.count(reward.model)) continue;
    const StageRecipe* judge = context.recipe.find(reward.model);
    judges.models_[reward.model] = TRY(RewardModel::load(
        folder.stage(judge->name), context.tokenizer, context.format,
        judge->reward.judges == JudgeKind::safety, context.recipe.rows, context.pool));
  }
  return judges;
}

RewardJudges StageJudges::all() const {
  RewardJudges all{.guard = guard_.get()};
  for (const auto& [name, judge] : models_) all.models[name] = judge.get();
  return all;
}

}  // namespace weir
