// Replies drawn from a stage's model to its own kind of problems, with verdicts. Rejection sampling
// keeps the good ones to learn from (DeepSeek-R1, section 2.3.3); reward models learn from both.
#pragma once
#include <memory>
#include <string>
#include <vector>

#include "stages/rollout.h"
#include "stages/stage.h"

namespace weir {

struct SampledReply {
  Problem problem;    // its conversation ends with the sampled reply
  Message gold = {};  // the data's own reply, if there is one
  bool has_gold = false;
  bool is_right = false, is_well_formed = false;
  double language = 1;
};

// How many there were and what became of them.
struct SampleCounts {
  int64_t drawn = 0, wrong = 0, malformed = 0, mixed_language = 0, repeated = 0, kept = 0;
  std::string text() const;
};

// Asks `model` `problems` problems of `data`, those without verifier passed over. Empty when a stop
// was requested meanwhile. Deterministic in the stage's seed.
Result<std::vector<SampledReply>> draw_samples(const R1Context& context, const StageRecipe& stage,
                                               const Mixture& data, const Model& model);

// Right, well-formed replies in one language, at most `keep` different ones of a problem, shortest
// first.
std::vector<Problem> keep_good(const std::vector<SampledReply>& samples,
                               const ReplySamplesRecipe& recipe, SampleCounts& counts);

// Problems in memory as a set; all are for training.
class ListedProblems final : public ProblemSet {
 public:
  explicit ListedProblems(std::vector<Problem> problems) : problems_(std::move(problems)) {}
  int64_t count(Split split) const override {
    return split == Split::train ? int64_t(problems_.size()) : 0;
  }
  Result<Problem> make(uint64_t, Split, uint64_t index) const override {
    return problems_[size_t(index)];
  }

 private:
  std::vector<Problem> problems_;
};

// samples.jsonl: a line per reply, conversations in OpenAI's form, so that people can read it too.
Result<void> write_samples(const std::string& path, const std::vector<SampledReply>& samples);
Result<std::vector<SampledReply>> read_samples(const std::string& path);

}  // namespace weir
