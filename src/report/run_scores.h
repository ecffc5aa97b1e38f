// Several runs of a recipe beside each other: mean and spread over seeds of every row of the stage
// table, by stage, or by arm where the runs differ in a setting.
#pragma once
#include <string>
#include <vector>

#include "base/json.h"
#include "base/result.h"
#include "stages/scores.h"

namespace weir {

// Runs that differ in their seed only.
struct RunArm {
  std::string name;
  std::vector<std::vector<StageReport>> runs;  // stages of each, in order
};

struct MeanCell {
  bool has_value = false;
  int runs = 0;
  double mean = 0, deviation = 0;  // of the sample (n - 1); 0 of one run
};
struct MeanRow {
  std::string name;
  std::vector<MeanCell> cells;  // one per column; shares and points in percent
};
struct MeanTable {
  std::vector<std::string> columns;
  std::vector<MeanRow> rows;
};

// Columns are stages, of the one arm that there is.
MeanTable mean_of_stages(const RunArm& arm);
// Columns are arms, each with the values of `stage` ("": the last that was evaluated, controls
// aside), and the core-minutes of the whole run.
MeanTable mean_of_arms(const std::vector<RunArm>& arms, const std::string& stage = "");

// "| | base | rl |" with "88.6 ± 3.2".
std::string mean_markdown(const MeanTable& table);
Json mean_json(const MeanTable& table);

}  // namespace weir
