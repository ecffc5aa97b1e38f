// The report card of a run through R1's stages: one HTML file that needs nothing beside it.
#pragma once
#include <string>
#include <utility>
#include <vector>

#include "base/json.h"
#include "base/result.h"
#include "stages/scores.h"

namespace weir {

struct R1ReportInput {
  std::string title;
  std::vector<std::pair<std::string, std::string>> facts;  // machine, model, plan ...
  std::vector<StageReport> stages;                         // in order; reward models among them
  std::string recipe_yaml;                                 // as resolved, steps included
  std::string conclusion = {};                             // run_conclusion(), on top
  std::string talk = {};    // the command with which one talks to the model
  bool is_finished = true;  // false: more stages will follow
  // What each stage tries, by name.
  std::vector<std::pair<std::string, std::string>> sentences = {};
};

// Stage table shaped like DeepSeek-R1's (families by stage, difficulties never trained on marked,
// language consistency, facts taught and joined, refusal and over-refusal, thinking length,
// core-minutes), with 95 % intervals; curves of reward and its parts, thinking length, entropy, KL,
// rollout and training difference; expert load; samples side by side; settings. Written atomically.
// Metrics and manifests may hold anything; docs/r1-report.md lists the keys that are drawn.
Result<void> write_r1_report(const std::string& path, const R1ReportInput& input);
// What the page shows.
Json r1_report_json(const R1ReportInput& input);

// The stage table as plain text, for the end of a run on a terminal; `columns` of it, 0: 100.
std::string stage_table_text(const std::vector<StageReport>& stages, int columns = 0);

}  // namespace weir
