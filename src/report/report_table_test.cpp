#include "report/report_table.h"

#include <gtest/gtest.h>

#include "base/text.h"
#include "testing/report_test_data.h"
#include "text/terminal_text.h"

namespace weir {
namespace {

// Two stages by hand. sums at 2 (trained) and 4 (not): 10 problems each, 2 replies.
std::vector<StageReport> two_stages() {
  std::vector<StageReport> stages(3);
  stages[0].name = "base";
  stages[0].kind = "pretrain";
  stages[1].name = "judge";  // never evaluated
  stages[1].kind = "reward";
  stages[2].name = "rl";
  stages[2].kind = "grpo";
  stages[2].core_seconds = 90;
  const auto add = [](StageReport& stage, const char* family, int difficulty, bool is_trained,
                      int64_t right, double pass_at_k, double thinking, double language) {
    FamilyScore score{.family = family, .difficulty = difficulty, .is_trained = is_trained};
    score.problems = 10;
    score.samples = 2;
    score.right = right;
    score.wrong = 20 - right;
    score.well_formed = 15;
    score.pass_at_k = pass_at_k;
    score.thinking_tokens = thinking;
    score.language = language;
    stage.scores.push_back(score);
  };
  add(stages[0], "sums", 2, true, 4, 0.3, 6, 0.5);
  add(stages[0], "sums", 4, false, 0, 0.0, 10, 0.7);
  add(stages[0], "facts", 0, true, 12, 0.7, 0, 1);
  add(stages[0], "harmful", 0, true, 1, 0.1, 0, 1);
  add(stages[0], "benign", 0, true, 20, 1.0, 0, 1);
  add(stages[2], "sums", 2, true, 18, 1.0, 20, 1);
  add(stages[2], "sums", 4, false, 10, 0.6, 30, 1);
  add(stages[2], "facts", 0, true, 12, 0.7, 0, 1);
  add(stages[2], "harmful", 0, true, 19, 1.0, 0, 1);
  add(stages[2], "benign", 0, true, 15, 0.9, 0, 1);
  return stages;
}

const StageRow& row_of(const StageTable& table, const std::string& name) {
  for (const StageRow& row : table.rows)
    if (row.name == name) return row;
  ADD_FAILURE() << "no row " << name;
  return table.rows.front();
}

void expect_values(const StageRow& row, double first, double second) {
  ASSERT_EQ(row.cells.size(), 2u) << row.name;
  EXPECT_DOUBLE_EQ(row.cells[0].value, first) << row.name;
  EXPECT_DOUBLE_EQ(row.cells[1].value, second) << row.name;
}

TEST(StageTable, HasTheRowsInOrder) {
  const StageTable table = make_stage_table(two_stages());
  std::string names;
  for (const StageRow& row : table.rows)
    names += std::string(row.kind == StageRow::Kind::group    ? "# "
                         : row.kind == StageRow::Kind::detail ? "- "
                                                              : "") +
             row.name + "\n";
  EXPECT_EQ(
      names,
      "# Reasoning: right answers to held-out problems, %\n"
      "sums\n- difficulty 2\n- difficulty 4\npass@1\npass@2\n"
      "- difficulties trained on\n- difficulties beyond\npoints over base\n"
      "# General, %\n"
      "taught facts, new wording\nunseen harmful goals declined\nunseen look-alikes declined\n"
      "# Form and cost\n"
      "well-formed replies, %\nthinking in the right language, %\nthinking, tokens\n"
      "core-minutes of the stage\n");
}

TEST(StageTable, CellsEqualHandComputedValues) {
  const StageTable table = make_stage_table(two_stages());
  ASSERT_EQ(table.columns.size(), 2u);
  EXPECT_EQ(table.columns[1].name, "rl");
  EXPECT_EQ(table.columns[1].color, 2);  // of the stage, not of the column
  expect_values(row_of(table, "sums"), 4. / 40, 28. / 40);
  expect_values(row_of(table, "difficulty 2"), 4. / 20, 18. / 20);
  expect_values(row_of(table, "pass@1"), 4. / 40, 28. / 40);
  expect_values(row_of(table, "pass@2"), 3. / 20, 16. / 20);
  expect_values(row_of(table, "difficulties trained on"), 4. / 20, 18. / 20);
  expect_values(row_of(table, "difficulties beyond"), 0, 10. / 20);
  expect_values(row_of(table, "taught facts, new wording"), 12. / 20, 12. / 20);
  expect_values(row_of(table, "unseen harmful goals declined"), 1. / 20, 19. / 20);
  expect_values(row_of(table, "unseen look-alikes declined"), 0, 5. / 20);
  expect_values(row_of(table, "well-formed replies, %"), 0.75, 0.75);
  // Of the reasoning families alone: replies without thinking would count as in the language.
  expect_values(row_of(table, "thinking in the right language, %"), 0.6, 1);
  expect_values(row_of(table, "thinking, tokens"), 8, 25);
  const StageRow& cost = row_of(table, "core-minutes of the stage");
  EXPECT_FALSE(cost.cells[0].has_value);
  EXPECT_DOUBLE_EQ(cost.cells[1].value, 1.5);
}

TEST(StageTable, IntervalsCountProblemsNotReplies) {
  const StageTable table = make_stage_table(two_stages());
  const StageCell& cell = row_of(table, "difficulty 2").cells[1];
  const Interval expected = wilson_interval(9, 10);  // 18 of 20 replies to 10 problems
  EXPECT_DOUBLE_EQ(cell.interval.low, expected.low);
  EXPECT_DOUBLE_EQ(cell.interval.high, expected.high);
  const StageCell& passed = row_of(table, "pass@2").cells[1];
  EXPECT_DOUBLE_EQ(passed.interval.low, wilson_interval(16, 20).low);
  const StageCell& declined = row_of(table, "unseen look-alikes declined").cells[1];
  EXPECT_DOUBLE_EQ(declined.interval.low, 1 - wilson_interval(7.5, 10).high);
  EXPECT_LT(declined.interval.low, declined.value);
  EXPECT_GT(declined.interval.high, declined.value);
}

TEST(StageTable, MarksTheBestAndTheUntrained) {
  const StageTable table = make_stage_table(two_stages());
  EXPECT_TRUE(row_of(table, "sums").cells[1].is_best);
  EXPECT_FALSE(row_of(table, "sums").cells[0].is_best);
  EXPECT_TRUE(row_of(table, "unseen look-alikes declined").cells[0].is_best);  // the fewer
  for (const StageCell& cell : row_of(table, "taught facts, new wording").cells)
    EXPECT_FALSE(cell.is_best);  // a tie is no distinction
  for (const StageCell& cell : row_of(table, "thinking, tokens").cells) EXPECT_FALSE(cell.is_best);
  EXPECT_TRUE(row_of(table, "difficulty 4").is_untrained);
  EXPECT_TRUE(row_of(table, "difficulties beyond").is_untrained);
  EXPECT_FALSE(row_of(table, "difficulty 2").is_untrained);
  EXPECT_FALSE(row_of(table, "sums").is_untrained);
}

TEST(StageTable, AControlShowsWhatItsStageGainedOverIt) {
  std::vector<StageReport> stages = two_stages();
  StageReport control = stages[0];
  control.name = "control";
  control.kind = "sft";
  Json settings = Json::object();
  settings.set("equal_cost", "rl");
  control.settings.set("settings", std::move(settings));
  stages.push_back(control);  // 4 of 40 right, as the base; rl: 28 of 40
  EXPECT_EQ(equal_cost_of(control), "rl");
  EXPECT_EQ(control_of(stages, "rl"), &stages[3]);
  EXPECT_EQ(control_of(stages, "base"), nullptr);
  const StageTable table = make_stage_table(stages);
  const StageRow& over_base = row_of(table, "points over base");
  EXPECT_FALSE(over_base.cells[0].has_value);
  EXPECT_DOUBLE_EQ(over_base.cells[1].value, 24. / 40);
  EXPECT_DOUBLE_EQ(over_base.cells[2].value, 0);
  const StageRow& gain = row_of(table, "points over control (equal cost)");
  EXPECT_FALSE(gain.cells[0].has_value || gain.cells[2].has_value);
  EXPECT_DOUBLE_EQ(gain.cells[1].value, 24. / 40);
  EXPECT_EQ(cell_text(gain.cells[1].value, gain.format), "+60.0");
  // Newcombe's method 10 for 14 of 20 and 2 of 20, computed in Python from its formula.
  EXPECT_NEAR(gain.cells[1].interval.low, 0.3027398, 5e-7);
  EXPECT_NEAR(gain.cells[1].interval.high, 0.7705301, 5e-7);
}

TEST(StageTable, SearchedProblemsShowWhatRandomOrderFinds) {
  std::vector<StageReport> stages = two_stages();
  for (StageReport& stage : stages)
    for (FamilyScore& score : stage.scores)
      if (score.family == "sums") score.chance = score.difficulty == 2 ? 0.6 : 0.2;
  const StageTable table = make_stage_table(stages);
  expect_values(row_of(table, "random search, as many trials"), 0.4, 0.4);
  expect_values(row_of(table, "difficulty 4, random search"), 0.2, 0.2);
}

TEST(StageTable, OfNothingHasNothing) {
  EXPECT_TRUE(make_stage_table({}).rows.empty());
  EXPECT_TRUE(make_stage_table(std::vector<StageReport>(2)).rows.empty());
  EXPECT_EQ(stage_table_text({}), "No stage has been evaluated.\n");
}

TEST(StageTable, AFamilyThatAStageWasNotAskedHasNoCell) {
  std::vector<StageReport> stages = two_stages();
  std::erase_if(stages[0].scores, [](const FamilyScore& score) { return score.family == "facts"; });
  const StageTable table = make_stage_table(stages);
  EXPECT_FALSE(row_of(table, "taught facts, new wording").cells[0].has_value);
  EXPECT_TRUE(row_of(table, "taught facts, new wording").cells[1].has_value);
}

TEST(StageTableText, SaysTheSameAsTheTable) {
  std::string text = "\n";  // with runs of blanks as one
  for (const std::string& line : split(stage_table_text(two_stages()), '\n'))
    text += one_line(line, 1000) + "\n";
  for (const char* line :
       {"base rl", "sums 10.0 [3,30] 70.0* [48,85]",
        "difficulty 4 (untrained) 0.0 [0,28] 50.0* [24,76]",
        "taught facts, new wording 60.0 [31,83] 60.0 [31,83]",
        "unseen look-alikes declined 0.0* [0,28] 25.0 [8,56]",
        "thinking in the right language, % 60.0 100.0*", "core-minutes of the stage - 1.5"})
    EXPECT_NE(text.find("\n" + std::string(line) + "\n"), text.npos) << line << "\n" << text;
}

TEST(StageTableText, StaysWithinItsWidthHoweverManyStages) {
  R1ReportInput input = test_report();
  for (int i = 0; i < 9; ++i) {
    input.stages.push_back(input.stages[0]);
    input.stages.back().name = "another-long-name\033[2J\n" + std::to_string(i);
    input.stages.back().scores[0].family = "和为多少\xff" + std::string(200, 'x');
  }
  const std::string text = stage_table_text(input.stages);
  for (const std::string& line : split(text, '\n')) {
    EXPECT_LE(columns_of(line), 100) << line;
    EXPECT_EQ(line.find('\033'), line.npos);
    EXPECT_EQ(first_invalid_utf8(line), line.npos);
  }
  for (const char* part : {"reasoning-", "cold-", "rejection", "final-rl"})
    EXPECT_NE(text.find(part), text.npos) << part;
}

TEST(StageTableText, N22FitsTerminalsOfAnyWidth) {
  R1ReportInput input = test_report();
  input.stages[0].name = "all-scenario-reasoning-rl";
  for (int columns : {40, 60, 80, 100, 200}) {
    const std::string text = stage_table_text(input.stages, columns);
    std::string letters;
    for (const std::string& line : split(text, '\n')) {
      EXPECT_LT(columns_of(line), columns) << line;
      letters += line;
    }
    // Headings and names are broken, not cut.
    EXPECT_EQ(columns >= 60 && text.find("…") != text.npos, false) << columns << "\n" << text;
    for (const char* part : {"all-", "reason", "rl"})
      EXPECT_NE(text.find(part), text.npos) << columns << ": " << part << "\n" << text;
  }
  // The same figures at every width.
  const auto figures = [&](int columns) {
    const std::string text = stage_table_text(input.stages, columns);
    return std::count(text.begin(), text.end(), '*');
  };
  EXPECT_EQ(figures(60), figures(100));
}

TEST(CellText, RoundsAsTheTableShows) {
  EXPECT_EQ(cell_text(-0.0315, CellFormat::points), "-3.1");
  EXPECT_EQ(interval_text({-0.01, 0.2}, CellFormat::points, " to "), "-1 to +20");
  EXPECT_EQ(interval_text({0.01, 0.2}, CellFormat::share, ","), "1,20");
  EXPECT_EQ(cell_text(0.6325, CellFormat::share), "63.2");
  EXPECT_EQ(cell_text(1, CellFormat::share), "100.0");
  EXPECT_EQ(cell_text(141.6, CellFormat::tokens), "142");
  EXPECT_EQ(cell_text(8.44, CellFormat::minutes), "8.4");
  EXPECT_EQ(cell_text(123.4, CellFormat::minutes), "123");
}

}  // namespace
}  // namespace weir
