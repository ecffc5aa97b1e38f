#include "pipeline/conclusion.h"

#include <gtest/gtest.h>

#include "report/side_by_side.h"
#include "stages/stage_words.h"
#include "testing/r1_fixture.h"

namespace weir {
namespace {

StageReport stage(const std::string& name, int64_t right, int64_t problems, int64_t steps = 700) {
  StageReport report;
  report.name = name;
  report.kind = "sft";
  report.steps = steps;
  FamilyScore score;
  score.family = "sums";
  score.problems = problems;
  score.right = right;
  score.wrong = problems - right;
  score.thinking_tokens = 42;
  report.scores = {score};
  return report;
}

FamilyScore conduct(const std::string& family, int64_t right) {
  FamilyScore score;
  score.family = family;
  score.problems = 100;
  score.right = right;
  score.wrong = 100 - right;
  return score;
}

Plan plan_of(int64_t steps, int64_t wanted) {
  Plan plan;
  plan.minutes = plan.planned_minutes = 10;
  plan.enough_minutes = 40;
  plan.stages = {{"base", steps, 60, wanted, steps}, {"last", 10, 60}};
  return plan;
}

TEST(Conclusion, N1ARunWithoutEnoughStepsDidNotLearn) {
  // The numbers of a run of ten minutes on a busy machine.
  std::vector<StageReport> stages = {stage("base", 18, 448, 166), stage("last", 14, 448, 23)};
  stages[1].scores.push_back(conduct("harmful", 38));
  EXPECT_EQ(run_conclusion(stages, plan_of(166, 700)),
            "Did not learn to reason: base took 166 of about 700 steps; use --minutes 40 with "
            "another 'run'; right answers to held-out questions went from 4 % (base) to 3 % "
            "(last).");
}

TEST(Conclusion, N1ARunThatLearnedSaysWhatAndHowItBehaves) {
  std::vector<StageReport> stages = {stage("base", 376, 448), stage("last", 430, 448)};
  stages[1].scores.push_back(conduct("harmful", 99));
  stages[1].scores.push_back(conduct("benign", 91));
  EXPECT_EQ(run_conclusion(stages, plan_of(700, 700)),
            "Learned: right answers to held-out questions went from 84 % (base) to 96 % (last); it "
            "declines 99 % of harmful requests and 9 % of harmless ones.");
  // Conduct is no reasoning and takes no part in the comparison.
  stages[1].scores[1].right = 0;
  EXPECT_NE(run_conclusion(stages, plan_of(700, 700)).find("to 96 % (last)"), std::string::npos);
}

TEST(Conclusion, N1DifferencesWithinTheIntervalsAreNone) {
  const std::string text =
      run_conclusion({stage("base", 300, 448), stage("last", 310, 448)}, plan_of(700, 700));
  EXPECT_EQ(text,
            "Kept what base had learned: right answers to held-out questions went from 67 % (base) "
            "to 69 % (last), no sure difference.");
  EXPECT_EQ(run_conclusion({stage("base", 400, 448), stage("last", 300, 448)}, plan_of(700, 700)),
            "Unlearned: right answers to held-out questions went from 89 % (base) to 67 % (last).");
}

TEST(Conclusion, OneStageAndNone) {
  EXPECT_EQ(run_conclusion({}, {}), "");
  EXPECT_EQ(run_conclusion({stage("base", 9, 10)}, {}),
            "Learned: base answers 90 % of held-out questions rightly.");
  StageReport judge;
  judge.name = "judge";
  EXPECT_EQ(run_conclusion({judge}, {}), "");
  EXPECT_EQ(stage_conclusion(judge, nullptr), "judge: done");
}

TEST(Conclusion, OfAStageNamesTheStageBefore) {
  const StageReport base = stage("base", 224, 448), next = stage("next", 112, 448);
  EXPECT_EQ(stage_conclusion(base, nullptr),
            "base: 50.0 % of held-out questions answered rightly, 42 tokens of thinking");
  EXPECT_EQ(stage_conclusion(next, &base),
            "next: 25.0 % of held-out questions answered rightly, 25.0 points fewer than base, 42 "
            "tokens of thinking");
  const StageReport same = stage("same", 226, 448);
  EXPECT_NE(stage_conclusion(same, &base).find("0.4 points more than base (no sure difference)"),
            std::string::npos);
}

TEST(SideBySide, N23ShowsAQuestionThatOnlyTheLaterStageAnsweredRightly) {
  StageReport before, now;
  before.name = "base";
  now.name = "reasoning-rl";
  before.samples = {{"sums", "1+1?", "", "2", "2", "right"},
                    {"facts", "Capital?", "", "Rome", "Paris", "wrong"},
                    {"words", "Ann has 2\033[2J?", "", "", "5", "truncated"}};
  now.samples = {{"sums", "1+1?", "1 +1=2", "2", "2", "right"},
                 {"facts", "Capital?", "", "Paris", "Paris", "right"},
                 {"words", "Ann has 2\033[2J?", "2 +3=5", "5", "5", "right"}};
  EXPECT_EQ(side_by_side(before, now),
            "  asked         Ann has 2?[2J?\n"
            "  base          no answer (truncated)\n"
            "  reasoning-rl  2 +3=5 -> 5 (right)");
  now.samples.clear();
  EXPECT_EQ(side_by_side(before, now), "");
}

TEST(StageWords, N23EveryKindOfStageSaysWhatItTries) {
  const R1Recipe recipe = must_r1_recipe(tiny_recipe(
      "  base: {kind: pretrain, steps: 1, data: {sums: {}, words: {}, facts: {}}}\n"
      "  zero: {kind: grpo, parent: base, steps: 1, prompts: 4, group: 6, data: {sums: {}}}\n"
      "  tuned: {kind: sft, parent: base, steps: 1, samples: {from: zero, problems: 9, "
      "per_problem: "
      "3}, data: {chat: {}}}\n"
      "  judge: {kind: reward, parent: tuned, steps: 1, judges: safety, data: {safety: {}}}\n"
      "  own: {kind: sft, parent: base, steps: 1, about: learns my shop, data: {sums: {}}}\n"));
  const char* const expected[] = {
      "reads sums, words and facts, and learns to predict each next token",
      "tries 6 answers to each of 4 questions a step, and learns from those that earn more than "
      "the "
      "others",
      "asks zero for 3 replies to each of 9 problems, keeps the right ones and learns from them, "
      "with chat beside",
      "learns to say whether a reply to a request is acceptable", "learns my shop"};
  ASSERT_EQ(recipe.stages.size(), std::size(expected));
  for (size_t i = 0; i < recipe.stages.size(); ++i)
    EXPECT_EQ(stage_sentence(recipe.stages[i]), expected[i]);
}

}  // namespace
}  // namespace weir
