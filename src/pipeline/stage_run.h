// Runs one stage from its first step to its last, with checkpoints: a killed stage resumes with
// bit-identical results.
#pragma once
#include <memory>
#include <optional>
#include <string>

#include "live/live_view.h"
#include "pipeline/r1_folder.h"
#include "stages/evaluate.h"
#include "stages/stage.h"

namespace weir {

// What the pipeline knows about a stage before it begins.
struct StageJob {
  const StageRecipe& recipe;
  int64_t steps;              // planned
  int64_t steps_max;          // with further rounds, when the recipe says what is good enough
  std::string parent_folder;  // whose model it starts from; "": fresh weights
  // Everything that decides the result; a stage goes on only with the same.
  Json identity;
};

// What came out; kept in the manifest.
struct StageOutcome {
  bool is_stopped = false;        // by a signal; everything is saved
  double seconds = 0;             // of the steps
  double core_seconds = 0;        // of processor time: steps, sampling and evaluation
  double sampling_seconds = 0;    // before them, in this process
  double evaluation_seconds = 0;  // after them; the pipeline adds to it
  int64_t steps = 0, tokens = 0;
  // Of the last step, when it was made to decide about another round.
  std::optional<StageEvaluation> evaluation;
  std::string samples;                 // what became of sampled replies, in words
  std::unique_ptr<class Model> model;  // after the last step
};

// Runs the steps that are missing, and further rounds of round_steps() while the recipe's
// `good_enough` is not reached; what each round measured is in rounds.json. Nothing but weights,
// data and seed decides about a round, so a resumed stage ends with the bits of an uninterrupted
// one. The stage's folder afterwards holds the last checkpoint and metrics.jsonl; its
// model.safetensors is the checkpoint's.
Result<StageOutcome> run_stage(const R1Context& context, const R1Folder& folder,
                               const ModelConfig& config, const StageJob& job, LiveView& view);

// Removes what only a stage at work needs.
Result<void> clear_checkpoints(const R1Folder& folder, const std::string& stage);

}  // namespace weir
