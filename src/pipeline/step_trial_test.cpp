#include "pipeline/step_trial.h"

#include "pipeline/plan.h"
#include "testing/pipeline_fixture.h"

namespace weir {
namespace {

// The whole run again, with a policy's stage and those after it still to come.
class TriedRun : public R1Run {
 protected:
  static std::string key(const std::string& stage, const std::string& length) {
    const std::string more =
        stage == "zero" ? "parent: cold, curriculum: true, rewards: {accuracy: 1, format: 0.2}"
                        : "parent: tuned, rewards: {accuracy: 1, helpful: {weight: 0.5, model: "
                          "judge}, guard: {weight: 0.25, policy: minimal}}";
    return "stages." + stage + "={kind: grpo, " + length +
           ", prompts: 3, group: 4, reply_tokens: 4, lr: 0.002, " + more +
           ", data: {said: {kind: file, path: " + data() + ", held_out: 0.2}}}";
  }
  // A copy without `stage`, in which `steps` of `step_seconds` are planned for it.
  std::string planned(const std::string& name, const std::string& stage, int64_t steps,
                      double step_seconds, int64_t wanted) {
    const std::string folder = copy(name);
    const std::vector<std::string>& all = stages();
    for (auto s = std::find(all.begin(), all.end(), stage); s != all.end(); ++s)
      EXPECT_TRUE(remove_all(folder + "/stages/" + *s));
    Plan plan = *parse_plan(*read_json_file(folder + "/plan.json"));
    for (PlannedSteps& one : plan.stages)
      if (one.stage == stage)
        one.steps = steps, one.step_seconds = step_seconds, one.wanted = wanted;
    write_text(folder + "/plan.json", plan_json(plan).dump(2));
    return folder;
  }
  static PlannedSteps plan_of(const std::string& folder, const std::string& stage) {
    return *parse_plan(*read_json_file(folder + "/plan.json"))->find(stage);
  }
};

TEST_F(TriedRun, StagesOfAPolicyTakeTheStepsThatTheirTimeHolds) {
  for (const std::string stage : {"zero", "last"}) {
    SCOPED_TRACE(stage);
    // Steps that cost next to nothing of what was planned: four times as many.
    const std::string cheap = planned("cheap-" + stage, stage, 2, 1e6, 0);
    ASSERT_EQ(error_of(cheap, {key(stage, "share: 1")}, stage), "");
    EXPECT_EQ(plan_of(cheap, stage).steps, 8);
    EXPECT_TRUE(plan_of(cheap, stage).is_tried);
    // What was tried leaves no trace.
    const std::string fixed = planned("fixed-" + stage, stage, 8, 0, 0);
    ASSERT_EQ(error_of(fixed, {key(stage, "steps: 8")}, stage), "");
    EXPECT_EQ(result_of(cheap, stage), result_of(fixed, stage));
    // Steps that cost more than was planned: those that the recipe wants.
    const std::string dear = planned("dear-" + stage, stage, 5, 1e-9, 3);
    ASSERT_EQ(error_of(dear, {key(stage, "share: 1, steps_wanted: 3")}, stage), "");
    EXPECT_EQ(plan_of(dear, stage).steps, 3);
  }
}

TEST_F(TriedRun, WhatWasFoundIsFrozen) {
  const std::string name = planned("once", "zero", 2, 1e6, 0);
  ASSERT_EQ(error_of(name, {key("zero", "share: 1")}, "zero"), "");
  EXPECT_NE((*read_file(name + "/recipe.yaml")).find("steps: 8"), std::string::npos);
  const std::string bits = result_of(name, "zero"), before = contents(name);
  EXPECT_EQ(error_of(name, {key("zero", "share: 1")}, "zero"), "");
  EXPECT_EQ(contents(name), before) << "nothing to do";
  ASSERT_TRUE(remove_all(name + "/stages/zero"));
  ASSERT_EQ(error_of(name, {key("zero", "share: 1")}, "zero"), "");
  EXPECT_EQ(plan_of(name, "zero").steps, 8) << "not tried again";
  EXPECT_EQ(result_of(name, "zero"), bits);
}

TEST_F(TriedRun, NothingIsTriedWhereStepsAreStatedOrThePlanIsOld) {
  const std::string stated = planned("stated", "zero", 2, 1e6, 0);
  ASSERT_EQ(error_of(stated, {key("zero", "steps: 2")}, "zero"), "");
  EXPECT_FALSE(plan_of(stated, "zero").is_tried);
  const std::string old = planned("old", "zero", 2, 0, 0);
  ASSERT_EQ(error_of(old, {key("zero", "share: 1")}, "zero"), "");
  EXPECT_EQ(plan_of(old, "zero").steps, 2);
}

}  // namespace
}  // namespace weir
