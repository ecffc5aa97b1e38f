// Held-out problems put to a stage's model: what the report's table counts.
#pragma once
#include <optional>
#include <vector>

#include "stages/scores.h"
#include "stages/stage.h"

namespace weir {

struct StageEvaluation {
  std::vector<FamilyScore> scores;   // by set, then by difficulty
  std::vector<TextScore> texts;      // in the recipe's order
  std::vector<SampleReply> samples;  // the first reply to the first problem of each family
};

// An error that names the first set with too few different held-out problems for what is asked of
// it, before anything is trained for it.
Result<void> check_evaluation(const R1Context& context);

// Every set of the recipe, each problem once by its canonical form; the same problems and draws at
// every stage. Nothing when a stop was requested meanwhile.
Result<std::optional<StageEvaluation>> evaluate_stage(const R1Context& context, const Model& model);

// Accuracy during a stage: one reply to each of `count` held-out problems of the stage's own data,
// sampled as in the evaluation (greedy replies of a model that searches repeat themselves).
// Negative when no problem has a verifier or a stop was requested.
Result<double> held_out_accuracy(const R1Context& context, const StageRecipe& stage,
                                 const Model& model, int count);

}  // namespace weir
