// Training a reward model: of two replies to a question it learns which is the better one
// ("helpful": Bradley and Terry's loss on pairs), or whether a reply is acceptable ("safety": cross
// entropy of the verdict).
#pragma once
#include <memory>
#include <vector>

#include "base/random.h"
#include "stages/rejection.h"
#include "stages/stage.h"

namespace weir {

// A better and a worse reply to one question.
struct PreferencePair {
  std::vector<Message> question;
  Message good, bad;
};

// Pairs from the data (model reply against its `rejected` one, or against the reply to another
// question) and from samples (right ones as good, others as bad).
class PairSource {
 public:
  PairSource(const StageRecipe& stage, uint64_t seed, std::vector<SampledReply> samples)
      : stage_(stage), seed_(seed), samples_(std::move(samples)) {}
  Result<PreferencePair> make(Split split, uint64_t index) const;

 private:
  Result<Message> other_reply(Split split, const Message& good, Random& random) const;
  const StageRecipe& stage_;
  uint64_t seed_;
  std::vector<SampledReply> samples_;
};

Result<std::unique_ptr<Stage>> make_reward_stage(const R1Context& context, const StageRecipe& stage,
                                                 int64_t steps, Learner& learner,
                                                 std::vector<SampledReply> samples);

}  // namespace weir
