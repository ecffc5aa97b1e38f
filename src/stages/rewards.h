// What a reply is worth: named parts, weighed and added (DeepSeek-R1, section 2.2.2 and 2.3.4).
//   accuracy  1 when the verifier says right
//   format    1 when there is at most one think block, closed, followed by an answer and the end
//   language  share of the thinking's words in the question's language
//   length    0 up to length_target thinking tokens, then -excess / length_target, at least -1
//   safety, helpful   a reward model's probability of "yes"
//   guard     -1 to 1: what a guard's policy thinks of helping or declining (guard_reward.h)
#pragma once
#include <array>
#include <map>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "stages/reward_model.h"
#include "stages/rollout.h"

namespace weir {

class GuardReward;

inline constexpr std::array<const char*, 7> kRewardParts = {
    "accuracy", "format", "language", "length", "safety", "helpful", "guard"};

struct RewardedReply {
  double reward = 0;                                   // the weighted sum
  std::array<double, kRewardParts.size()> parts = {};  // unweighted, in the order of kRewardParts
  std::array<bool, kRewardParts.size()> counts = {};   // whether the part was judged at all
};

// Who judges replies beside the rules; they outlive whoever asks them.
struct RewardJudges {
  std::map<std::string, RewardModel*> models = {};  // of the parts that name one, by stage name
  GuardReward* guard = nullptr;                     // of the part "guard"
};

class RewardFunction {
 public:
  RewardFunction(const GrpoRecipe& recipe, RewardJudges judges)
      : recipe_(recipe), judges_(std::move(judges)) {}

  // Rewards of replies to `problems`, in order. `progress` in [0, 1]: how much of the stage is
  // done; parts that begin later do not count yet.
  Result<std::vector<RewardedReply>> evaluate(std::span<const Problem> problems,
                                              std::span<const Rollout> rollouts,
                                              double progress) const;

 private:
  const GrpoRecipe& recipe_;
  RewardJudges judges_;
};

// Group-relative advantages (DeepSeekMath, eq. 4): rewards minus the mean of their group, divided
// by the group's deviation, by that of the whole batch, or by nothing (Dr. GRPO). `groups[i]`
// numbers the group of reward i; groups stand together. A group of equal rewards gets 0, exactly.
std::vector<double> advantages(std::span<const double> rewards, std::span<const size_t> groups,
                               AdvantageScale scale);

// The same with each part of the reward normalised in its group before the parts are weighed and
// added, and the sum normalised over the batch (GDPO, arXiv:2601.05242, eq. 4-7, with the
// deviations of samples and the 1e-4 of TRL's multi_objective_aggregation "normalize_then_sum"). A
// part counts among the replies it was judged for.
std::vector<double> advantages_apart(std::span<const RewardedReply> replies,
                                     std::span<const size_t> groups, const GrpoRecipe& recipe);

}  // namespace weir
