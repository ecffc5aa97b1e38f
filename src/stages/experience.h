// What one step of reinforcement learning learns from: groups of replies with rewards and
// advantages, and counters over everything that was drawn.
#pragma once
#include <array>
#include <memory>
#include <string>
#include <vector>

#include "stages/curriculum.h"
#include "stages/rewards.h"
#include "stages/rollout.h"
#include "stages/stage.h"

namespace weir {

// Over all replies of a step, those of skipped groups included.
struct ReplyTally {
  int64_t right = 0, wrong = 0, unparseable = 0, truncated = 0;  // of problems with a verifier
  int64_t replies = 0, tokens = 0, groups = 0, uniform_groups = 0;
  int64_t guessed = 0, accepted = 0;  // tokens that rollouts verified as guesses; that came true
  double thinking = 0, reward = 0, negative_log = 0;
  std::array<double, kRewardParts.size()> parts = {};
  std::array<int64_t, kRewardParts.size()> counted = {};

  void add(const Rollout& rollout, const RewardedReply& rewarded, bool has_verifier);
  // Means and counts as docs/r1-report.md names them.
  void describe(Json& metrics) const;
};

struct Experience {
  std::vector<Problem> problems;
  std::vector<Rollout> rollouts;  // one group after the other; Rollout::problem indexes problems
  std::vector<RewardedReply> rewards;  // of the rollouts
  std::vector<double> advantage;       // of the rollouts
  ReplyTally tally;
  bool is_stopped = false;  // a stop was requested; nothing is to be learned

  // A line of JSON per reply: the behaviour policy (temperature, log-probabilities, experts),
  // tokens, rewards and verdict.
  std::string record(double temperature) const;
};

// Draws the groups of a step: problems of the stage's stream, replies, rewards, and with dynamic
// sampling (DAPO, section 3.2) new problems in place of groups whose rewards are all equal. Of a
// group, all replies are kept, or those whose rewards differ most (Xu et al. 2025, PODS,
// arXiv:2504.13818): drawing is cheaper than learning.
class ExperienceSource {
 public:
  // Everything passed outlives the source.
  ExperienceSource(const R1Context& context, const StageRecipe& stage, int64_t steps,
                   RewardJudges judges, std::unique_ptr<Generator> generator);

  Result<Experience> gather(int64_t step);

  Json cursor() const;
  Result<void> restore(const Json& cursor);

 private:
  bool normalizes_apart() const { return recipe_.normalize_rewards == RewardNormalization::apart; }
  Result<Problem> next_problem();
  Result<std::vector<Problem>> next_problems(int count);
  Result<std::vector<Rollout>> draw(std::span<const Problem> problems, ReplyTally& tally);
  void keep(std::vector<Problem> problems, std::vector<Rollout> rollouts,
            std::vector<RewardedReply> rewards, bool is_last_round, Experience& kept);

  const R1Context& context_;
  const StageRecipe& stage_;
  const GrpoRecipe& recipe_;
  int64_t steps_;
  RewardFunction rewards_;
  std::unique_ptr<Generator> generator_;
  Verifiers verifiers_;
  Curriculum curriculum_;
  int64_t next_ = 0, stream_ = 0;
};

// Indices of the `count` rewards of the largest variance, ascending: some of the lowest and some of
// the highest. 0, or as many as there are or more: every index.
std::vector<size_t> most_varied(std::span<const double> rewards, size_t count);

}  // namespace weir
