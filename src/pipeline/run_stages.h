// The stages of a run through R1's stages as its folder has them: which are finished, where their
// models are, how they scored.
#pragma once
#include <string>
#include <vector>

#include "base/result.h"
#include "stages/scores.h"

namespace weir {

// In the folder of a run with `keeps: best`: {"stage": NAME}, whose model the folder holds.
constexpr const char* kKeptStage = "kept.json";
Result<void> write_kept(const std::string& path, const std::string& stage);

struct RunStage {
  std::string name, kind;                // kind: as StageKind
  std::string folder = {};               // of its model
  bool is_finished = false;              // its manifest.json exists
  bool is_kept = false;                  // the run keeps the best one, and it is this
  std::vector<FamilyScore> scores = {};  // empty when it was not evaluated
  bool is_chat() const { return kind != "reward"; }
};

// Whether `run` is a folder of `weir r1`.
bool has_stages(const std::string& run);
// In the order of the run's recipe.yaml, unfinished ones included; stages that the recipe does not
// name come last. An error names the file that cannot be read.
Result<std::vector<RunStage>> list_run_stages(const std::string& run);
// The stage to talk to: `name`, or without one the kept one, or the last that can be talked to.
// Errors say what is missing and which stages there are.
Result<const RunStage*> choose_stage(const std::vector<RunStage>& stages, const std::string& name);

// What the finished stages of a run scored and cost, without their metrics; of a run at work, too.
Result<std::vector<StageReport>> read_run_reports(const std::string& run);

// The kind that a stage's own folder states in its manifest.json; "" without one.
Result<std::string> manifest_kind(const std::string& folder);

// Mean accuracy over reasoning problems, as "reasoning 63 %"; "" without scores.
std::string headline_score(const std::vector<FamilyScore>& scores);

}  // namespace weir
