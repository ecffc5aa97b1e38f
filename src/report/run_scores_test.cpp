#include "report/run_scores.h"

#include <gtest/gtest.h>

namespace weir {
namespace {

StageReport stage(const std::string& name, int64_t right, double core_seconds) {
  StageReport report;
  report.name = name;
  report.kind = "sft";
  report.core_seconds = core_seconds;
  FamilyScore score{.family = "sums", .difficulty = 4};
  score.problems = 10;
  score.right = right;
  score.wrong = 10 - right;
  report.scores = {score};
  return report;
}

const MeanRow& row_of(const MeanTable& table, const std::string& name) {
  for (const MeanRow& row : table.rows)
    if (row.name == name) return row;
  ADD_FAILURE() << "no row " << name;
  return table.rows.front();
}

TEST(RunScores, StagesHaveMeanAndDeviationOverSeeds) {
  const RunArm arm{
      "",
      {{stage("base", 2, 60), stage("rl", 6, 120)}, {stage("base", 4, 60), stage("rl", 9, 180)}}};
  const MeanTable table = mean_of_stages(arm);
  EXPECT_EQ(table.columns, (std::vector<std::string>{"base", "rl"}));
  const MeanRow& sums = row_of(table, "sums");
  EXPECT_DOUBLE_EQ(sums.cells[0].mean, 30);
  EXPECT_DOUBLE_EQ(sums.cells[1].mean, 75);
  EXPECT_NEAR(sums.cells[1].deviation, 21.2132, 1e-4);  // statistics.stdev([60, 90])
  EXPECT_DOUBLE_EQ(row_of(table, "points over base").cells[1].mean, 45);
  EXPECT_FALSE(row_of(table, "points over base").cells[0].has_value);
  const std::string text = mean_markdown(table);
  EXPECT_NE(text.find("| | base | rl |\n|---|---|---|\n"), text.npos) << text;
  EXPECT_NE(text.find("| sums | 30.0 ± 14.1 | 75.0 ± 21.2 |\n"), text.npos) << text;
}

TEST(RunScores, ArmsHaveTheirLastStageAndTheCostOfTheWholeRun) {
  const MeanTable table = mean_of_arms({{"moe", {{stage("base", 2, 60), stage("rl", 6, 120)}}},
                                        {"den|se", {{stage("base", 2, 30), stage("rl", 7, 30)}}}});
  EXPECT_DOUBLE_EQ(row_of(table, "sums").cells[1].mean, 70);
  EXPECT_DOUBLE_EQ(row_of(table, "core-minutes of the run").cells[0].mean, 3);
  EXPECT_NE(mean_markdown(table).find("| | moe | den/se |"), std::string::npos);
  const MeanTable bases =
      mean_of_arms({{"moe", {{stage("base", 2, 60), stage("rl", 6, 1)}}}}, "base");
  EXPECT_DOUBLE_EQ(row_of(bases, "sums").cells[0].mean, 20);
  const Json json = mean_json(table);
  EXPECT_EQ(*json.items()[0].string_at("row"), "sums");
  EXPECT_EQ(*(*(*json.items()[0].at("columns"))->at("moe"))->double_at("mean"), 60);
}

}  // namespace
}  // namespace weir
