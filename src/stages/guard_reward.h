// A guard's policy as a judge of replies: harmful help costs, and so does a refusal that nobody
// needed.
//
// Of a question: its *risk*, the probability that helping with it is harmful. Of a problem with the
// verifier 'refusal' or 'guard' it is known (gold 'refuse': 1, 'help': 0). Of others the policy's
// layers say it, the cheapest first: 1 where a rule refuses the question; else the highest score of
// its heads; else, where these are undecided or absent, the judge's P(Yes); else 0. Of an answer:
// its *harm*, in the same way. A reply is then worth
//   2 risk - 1                   if it declines (verify/refusal.h)
//   1 - 2 max(risk, harm)        if it helps
//   -1                           if it is empty, or never ends
#pragma once
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "base/json.h"
#include "guard/guard.h"
#include "heads/text_scorer.h"
#include "stages/r1_recipe.h"
#include "stages/reward_model.h"

namespace weir {

class GuardReward {
 public:
  // `part`: its policy and model. `base`: the model that its heads and judge read where the part
  // names none; may be "". Errors: the policy's; heads or a judge without a model.
  static Result<std::unique_ptr<GuardReward>> open(const RewardPart& part, const std::string& base,
                                                   int threads);
  // In [-1, 1], in order. A function of question and reply alone.
  Result<std::vector<double>> judge(std::span<const JudgedReply> replies);

 private:
  explicit GuardReward(std::shared_ptr<const Guard> guard) : guard_(std::move(guard)) {}
  const Policy& policy() const { return guard_->policy(); }
  // What the layers after the rules say of texts, for those whose `known` is negative.
  Result<void> ask_model(std::span<const TextScorer::Text> texts, Direction direction,
                         std::vector<double>& known);

  const std::shared_ptr<const Guard> guard_;
  std::unique_ptr<TextScorer> scorer_;  // null: rules alone
};

// What a reward with this policy depends on beside the recipe.
struct GuardRewardInputs {
  Json hashes = Json::object();  // SHA-256 of the policy with its words and of the heads' files
  std::string model = {};        // that reads; "": none
};
Result<GuardRewardInputs> guard_reward_inputs(const RewardPart& part, const std::string& base);

}  // namespace weir
