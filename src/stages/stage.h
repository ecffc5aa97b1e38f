// A stage as the pipeline sees it: steps that return metrics, and a cursor that a checkpoint keeps
// beside weights and moments.
#pragma once
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <string>

#include "base/json.h"
#include "base/result.h"
#include "base/thread_pool.h"
#include "chat/conversation.h"
#include "model/model.h"
#include "stages/r1_recipe.h"
#include "stages/scores.h"
#include "tokenizer/tokenizer.h"
#include "train/learner.h"
#include "train/schedule.h"
#include "verify/verifier.h"

namespace weir {

// Lives as long as the run; everything in it outlives the stages.
struct R1Context {
  const R1Recipe& recipe;
  const Tokenizer& tokenizer;
  const ConversationFormat& format;
  ThreadPool& pool;
  // Progress of work outside of steps: what, done, total. Always callable.
  std::function<void(const std::string& what, double done, double total)> activity =
      [](const std::string&, double, double) {};
  uint64_t seed() const { return uint64_t(recipe.seed); }
};

class Stage {
 public:
  virtual ~Stage() = default;
  // Step `step` (0, 1 ...): one or more updates. Metrics as the report reads them; null when a stop
  // was requested before anything was learned: cursor() is invalid then.
  virtual Result<Json> advance(int64_t step) = 0;
  // What the next step depends on beside weights, moments and the step's number.
  virtual Json cursor() const { return Json::object(); }
  virtual Result<void> restore(const Json& cursor) {
    (void)cursor;
    return {};
  }
  // A second model whose weights belong into a checkpoint (the reference of a KL term); or null.
  virtual Model* companion() { return nullptr; }
  // A reply of the last step worth showing; or null.
  virtual const SampleReply* sample() const { return nullptr; }
  // Everything the last step drew, as lines of JSON; "" when it drew nothing.
  virtual std::string record() const { return ""; }
};

// Of a stage that trains a model of this configuration `rows_max` rows at a time.
LearnerOptions stage_learner_options(const StageRecipe& stage, const ModelConfig& config,
                                     int rows_max);

// Seeds of one stage: what it draws does not depend on the others.
uint64_t stage_seed(const R1Context& context, const std::string& stage, const std::string& purpose);

// Verifiers by name, made once.
class Verifiers {
 public:
  // The verifier of a problem; an error when there is none of that name or its gold does not fit.
  Result<const Verifier*> of(const Problem& problem);

 private:
  std::map<std::string, std::unique_ptr<Verifier>> made_;
};

}  // namespace weir
