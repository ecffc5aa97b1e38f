#include "pipeline/plan.h"

#include "testing/r1_fixture.h"

namespace weir {
namespace {

constexpr MachineSpeed kSpeed{1e-3, 1e-2};  // seconds per row and per drawn token

std::string sft(const std::string& name, const std::string& length, int tokens = 100) {
  return "  " + name + ": {kind: sft, " + (name == "a" ? "" : "parent: a, ") + length +
         ", tokens: " + std::to_string(tokens) + ", data: {facts: {}}}\n";
}

Plan must_plan(const std::string& stages, const std::vector<std::string>& sets = {}) {
  TinyStages t(stages, sets);
  Result<Plan> plan = make_plan(t.context, kSpeed);
  EXPECT_TRUE(plan) << plan.error().message;
  return plan ? *plan : Plan();
}
std::string plan_error(const std::string& stages, const std::vector<std::string>& sets = {}) {
  TinyStages t(stages, sets);
  Result<Plan> plan = make_plan(t.context, kSpeed);
  return plan ? "" : plan.error().message;
}

TEST(Plan, SharesTheTimeAndKeepsFixedSteps) {
  // A step of 100 rows takes 0.1 s. Of 60 s the fixed stage takes 10; the others have 50 s as 3:2.
  const Plan plan = must_plan(sft("a", "share: 3") + sft("b", "steps: 100") + sft("c", "share: 2"),
                              {"minutes=1"});
  ASSERT_EQ(plan.stages.size(), 3u);
  EXPECT_NEAR(double(plan.find("a")->steps), 300, 1);
  EXPECT_EQ(plan.find("b")->steps, 100);
  EXPECT_NEAR(double(plan.find("c")->steps), 200, 1);
  EXPECT_NEAR(plan.find("c")->seconds, 20, 0.11);
  EXPECT_EQ(plan.find("d"), nullptr);
}

TEST(Plan, AControlCostsAsMuchAsItsStage) {
  // A step of a takes 0.1 s, of the control 0.2 s: of 60 s both have half.
  const std::string control =
      "  control: {kind: sft, parent: a, equal_cost: a, tokens: 200, data: {facts: {}}}\n";
  const Plan plan = must_plan(sft("a", "share: 3") + control, {"minutes=1"});
  EXPECT_NEAR(double(plan.find("a")->steps), 300, 1);
  EXPECT_NEAR(double(plan.find("control")->steps), 150, 1);
  EXPECT_EQ(must_plan(sft("a", "steps: 10") + control).find("control")->steps, 5);
  // What was measured decides: 40 core-seconds to equal, 2 a step of 100 rows, so 4 of 200.
  const auto report = [](int64_t steps, double core_seconds) {
    StageReport stage;
    stage.steps = steps;
    Json line = Json::object();
    line.set("core_seconds", core_seconds);
    stage.metrics.push_back(std::move(line));
    return stage;
  };
  EXPECT_EQ(equal_cost_steps(report(3, 40), report(10, 20), 2), 10);
  EXPECT_EQ(equal_cost_steps(report(3, 0.1), report(10, 20), 1), 1) << "at least one step";
  EXPECT_EQ(equal_cost_steps(StageReport(), report(10, 20), 1), 0);
  EXPECT_EQ(equal_cost_steps(report(3, 40), StageReport(), 1), 0);
}

TEST(Plan, EpochsAndTokensAreSteps) {
  EXPECT_EQ(must_plan(sft("a", "total_tokens: 1234")).find("a")->steps, 12);
  TinyStages t(sft("a", "epochs: 2.5"));
  t.give(std::make_unique<MadeProblems>(
      [](uint64_t, Split) { return made_problem("say", "b", ""); }, 60, 5));
  const int rows = render_problem(tiny_format(), made_problem("say", "b", ""), false)->rows();
  Result<Plan> plan = make_plan(t.context, kSpeed);
  ASSERT_TRUE(plan) << plan.error().message;
  EXPECT_EQ(plan->find("a")->steps, (150 * rows + 99) / 100);
  EXPECT_NE(plan_error(sft("a", "epochs: 1")).find("problems without end"), std::string::npos);
  const std::string samples =
      sft("a", "steps: 1") + "  b: {kind: sft, parent: a, epochs: 1, samples: {from: a}}\n";
  EXPECT_NE(plan_error(samples).find("this stage has none"), std::string::npos);
}

TEST(Plan, CountsEvaluationAndSamples) {
  const std::string two = sft("a", "share: 1") +
                          "  b: {kind: sft, parent: a, steps: 1, tokens: 100, samples: {from: a, "
                          "problems: 50, per_problem: 2}}\n";
  // 100 replies of 4 tokens take 4 s. Two stages of 2 sets x 5 problems x 3 replies x 4 tokens: 1.2
  // s each.
  const std::vector<std::string> evaluated = {
      "minutes=1", "evaluation.problems=5", "evaluation.samples=3",
      "evaluation.sets={one: {kind: facts}, two: {kind: chat}}"};
  EXPECT_NEAR(double(must_plan(two, {"minutes=1"}).find("a")->steps), (60 - 4 - 0.1) / 0.1, 1.01);
  EXPECT_NEAR(double(must_plan(two, evaluated).find("a")->steps), (60 - 4 - 0.1 - 2.4) / 0.1, 1.01);
  // With room for 3 tokens 100 replies take 3 s.
  const std::vector<std::string> shorter = {"minutes=1", "stages.b.samples.reply_tokens=3"};
  EXPECT_NEAR(double(must_plan(two, shorter).find("a")->steps), (60 - 3 - 0.1) / 0.1, 1.01);
}

TEST(Plan, PolicyStepsCostDrawingAndLearning) {
  const std::string rl = "  a: {kind: grpo, share: 1, prompts: 4, group: 2, data: {facts: {}}";
  const std::vector<std::string> hour = {"minutes=60"};
  const auto steps = [&](const std::string& more) {
    return double(must_plan(rl + more + "}\n", hour).find("a")->steps);
  };
  const double plain = steps(", skips_uniform: false");
  const double skipping = steps(", extra_rounds: 0");
  EXPECT_GT(skipping, plain) << "skipped groups are not learned from";
  EXPECT_LT(steps(", extra_rounds: 1"), skipping) << "further rounds";
  EXPECT_LT(steps(", skips_uniform: false, kl_weight: 0.1"), plain) << "the reference's forward";
  EXPECT_LT(steps(", skips_uniform: false, inner_epochs: 2"), plain);
  EXPECT_GT(steps(", skips_uniform: false, reply_tokens: 2"), plain) << "half the room";
}

TEST(Plan, PromptsAndBeginningsAreComputedOnceForTheirGroup) {
  const auto seconds = [](int group, int steps) {
    const std::string rl =
        "  a: {kind: grpo, skips_uniform: false, prompts: 4, data: {facts: {}}, ";
    return must_plan(rl + "group: " + std::to_string(group) + ", steps: " + std::to_string(steps) +
                     "}\n")
        .find("a")
        ->seconds;
  };
  const auto step = [&](int group) { return seconds(group, 2) - seconds(group, 1); };
  // Four times the replies cost four times as much but for the prompts: 4 of at least 5 tokens.
  EXPECT_GT(4 * step(2) - step(8), 3 * 4 * 5 * 1e-3);
  // Of 4 tokens that a reply has, half are taken to be its own: 4 more replies to 4 prompts.
  EXPECT_NEAR(step(8) - step(4), 4 * 4 * 2 * (1e-3 + 1e-2), 1e-9);
}

TEST(Plan, ATrialDecidesHowManyStepsThePlannedTimeHolds) {
  PlannedSteps planned{"rl", 60};
  planned.step_seconds = 2;
  EXPECT_EQ(retimed_steps(planned, 1, 0), 120);
  EXPECT_EQ(retimed_steps(planned, 1, 3.5), 116) << "the trial's own time is spent";
  EXPECT_EQ(retimed_steps(planned, 4, 0), 30);
  EXPECT_EQ(retimed_steps(planned, 0.1, 0), 240) << "replies may become longer again";
  EXPECT_EQ(retimed_steps(planned, 0, 0), 240);
  EXPECT_EQ(retimed_steps(planned, 1e9, 500), 1);
  planned.wanted = 50;
  EXPECT_EQ(retimed_steps(planned, 4, 0), 50) << "the time was planned for what the recipe wants";
  planned.wanted = 90;
  EXPECT_EQ(retimed_steps(planned, 4, 0), 60) << "and there was less";
}

TEST(Plan, ATrialBesideOtherProgramsCountsAtThePlannedPace) {
  Plan plan;
  EXPECT_EQ(at_planned_pace(8, 0, plan), 8);
  EXPECT_NEAR(at_planned_pace(8, 0.75, plan), 2, 1e-9) << "idle when it was measured";
  plan.others = 0.5;
  EXPECT_NEAR(at_planned_pace(8, 0.75, plan), 4, 1e-9);
  EXPECT_NEAR(at_planned_pace(8, 0, plan), 16, 1e-9);
  EXPECT_GT(at_planned_pace(8, 1, plan), 0);
}

TEST(Plan, TooLittleTimeNamesTheStage) {
  const std::string error =
      plan_error(sft("a", "steps: 10") + sft("hasty", "share: 1", 10000), {"minutes=0.1"});
  EXPECT_NE(error.find("'hasty'"), std::string::npos) << error;
  EXPECT_NE(error.find("'minutes' 0.1"), std::string::npos) << error;
  EXPECT_EQ(error.find('\n'), std::string::npos);
  // Fixed stages may take more than the time wanted, when nothing is left to share.
  EXPECT_EQ(plan_error(sft("a", "steps: 1000"), {"minutes=0.1"}), "");
  EXPECT_NE(plan_error(sft("a", "steps: 1000") + sft("b", "share: 1"), {"minutes=0.1"}), "");
}

// A step of 100 rows takes 0.1 s. Stage a has three fifths of the time.
std::string wanting(int64_t steps) {
  return "  a: {kind: sft, share: 3, tokens: 100, steps_wanted: " + std::to_string(steps) +
         ", data: {facts: {}}}\n" + sft("c", "share: 2");
}

TEST(Plan, N1TheStepsThatTheRecipeWantsLengthenTheRun) {
  // 60 s give stage a 360 steps; for 3,000 it takes 300 s, so the run 500 s: 9 minutes.
  const Plan plan = must_plan(wanting(3000), {"minutes=1"});
  EXPECT_EQ(plan.minutes, 1);
  EXPECT_EQ(plan.enough_minutes, 9);
  EXPECT_EQ(plan.planned_minutes, 9);
  EXPECT_NEAR(double(plan.find("a")->in_time), 360, 1);
  EXPECT_NEAR(double(plan.find("a")->steps), 3240, 1);
  EXPECT_NEAR(double(plan.find("c")->steps), 2160, 1) << "the others keep their shares";
  // As much as --minutes 9 gives.
  EXPECT_EQ(must_plan(wanting(3000), {"minutes=9"}).find("a")->steps, plan.find("a")->steps);
  const std::string advice = plan_advice(plan);
  for (const char* part : {"about 3000 steps of a", "in 1 minute it gets 360",
                           "planned for 9 minutes", "--minutes 9", "--set minutes_max=1"})
    EXPECT_NE(advice.find(part), std::string::npos) << part << ": " << advice;
  EXPECT_EQ(advice.find("alone"), std::string::npos);
  Plan busy = plan;
  busy.others = 0.8;
  EXPECT_NE(plan_advice(busy).find(
                "other programs take 80 % of the cores; alone, about 2 minutes would be enough"),
            std::string::npos)
      << plan_advice(busy);
}

TEST(Plan, N1NoRunIsLongerThanMinutesMax) {
  const Plan plan = must_plan(wanting(3000), {"minutes=1", "minutes_max=2"});
  EXPECT_EQ(plan.planned_minutes, 2);
  EXPECT_NEAR(double(plan.find("a")->steps), 720, 1);
  const std::string advice = plan_advice(plan);
  EXPECT_NE(advice.find("too few"), std::string::npos) << advice;
  EXPECT_NE(advice.find("--minutes 9 is enough"), std::string::npos) << advice;
  const Plan kept = must_plan(wanting(3000), {"minutes=1", "minutes_max=0"});
  EXPECT_EQ(kept.planned_minutes, 1);
  EXPECT_NEAR(double(kept.find("a")->steps), 360, 1);
}

TEST(Plan, N1EnoughTimeNeedsNoAdvice) {
  for (const char* minutes : {"minutes=9", "minutes=20"}) {
    const Plan plan = must_plan(wanting(3000), {minutes});
    EXPECT_EQ(plan.planned_minutes, plan.minutes);
    EXPECT_EQ(plan_advice(plan), "");
  }
  EXPECT_EQ(plan_advice(must_plan(sft("a", "share: 1"), {"minutes=0.1"})), "");
}

TEST(Plan, N1RoundsHaveABoundThatIsSaid) {
  const auto planned = [](const std::string& more) {
    TinyStages t(
        "  a: {kind: pretrain, steps: 90, tokens: 100, data: {facts: {}}, good_enough: 0.7" + more +
        "}\n");
    Result<Plan> plan = make_plan(t.context, kSpeed);
    EXPECT_TRUE(plan) << plan.error().message;
    return std::pair(plan ? plan->find("a")->steps_max : 0, rounds_advice(t.recipe, *plan));
  };
  EXPECT_EQ(planned("").first, 180);
  EXPECT_EQ(planned(", steps_max: 120").first, 120);
  EXPECT_EQ(planned(", steps_max: 30").first, 90) << "never less than the plan";
  EXPECT_EQ(planned(", steps_max: 30").second, "");
  EXPECT_EQ(planned("").second,
            "a goes on until 70 % of held-out problems are right, for 180 steps and 18 s at most");
}

TEST(Plan, N15TooLittleTimeSaysWhichIsEnough) {
  const std::string error = plan_error(sft("a", "share: 1", 100'000), {"minutes=1"});
  EXPECT_NE(error.find("a step takes 1 m 40 s"), std::string::npos) << error;
  EXPECT_NE(error.find("2 minutes give every stage one step"), std::string::npos) << error;
}

TEST(Plan, PlansOfEarlierProgramsAreRead) {
  Json old = plan_json(must_plan(sft("a", "steps: 7")));
  const auto is_new = [](const Json::Member& m) {
    return m.first == "planned_minutes" || m.first == "enough_minutes" || m.first == "others" ||
           m.first == "wanted" || m.first == "in_time" || m.first.ends_with("_max") ||
           m.first == "step_seconds" || m.first == "tried";
  };
  std::erase_if(old.members(), is_new);
  for (Json::Member& member : old.members())
    if (member.first == "stages") std::erase_if(member.second.items()[0].members(), is_new);
  Result<Plan> plan = parse_plan(old);
  ASSERT_TRUE(plan) << plan.error().message;
  EXPECT_EQ(plan->planned_minutes, plan->minutes);
  EXPECT_EQ(plan->find("a")->steps, 7);
  EXPECT_EQ(plan->find("a")->step_seconds, 0) << "so nothing is tried";
}

TEST(Plan, IsReadAsItWasWritten) {
  const Plan plan = must_plan(sft("a", "share: 3") + sft("b", "steps: 7"), {"minutes=0.7"});
  Result<Json> json = parse_json(plan_json(plan).dump(2));
  ASSERT_TRUE(json);
  Result<Plan> again = parse_plan(*json);
  ASSERT_TRUE(again) << again.error().message;
  EXPECT_EQ(plan_json(*again).dump(), plan_json(plan).dump());
  EXPECT_EQ(again->minutes, 0.7);
}

TEST(Plan, DamagedPlansAreRefused) {
  const Json good = plan_json(must_plan(sft("a", "steps: 7")));
  for (const char* key :
       {"minutes", "row_seconds", "token_seconds", "adamw_seconds", "muon_seconds", "stages"}) {
    Json bad = good;
    std::erase_if(bad.members(), [&](const Json::Member& m) { return m.first == key; });
    Result<Plan> plan = parse_plan(bad);
    ASSERT_FALSE(plan) << key;
    EXPECT_NE(plan.error().message.find(key), std::string::npos) << plan.error().message;
  }
  Json bad = good;
  for (Json::Member& member : bad.members())
    if (member.first == "stages") member.second.items()[0].set("steps", 0);
  Result<Plan> plan = parse_plan(bad);
  ASSERT_FALSE(plan);
  EXPECT_NE(plan.error().message.find("'a'"), std::string::npos) << plan.error().message;
}

TEST(Plan, FrozenRecipeHasItsStepsAndNoShares) {
  TinyStages t(sft("a", "share: 3") + sft("b", "steps: 7"), {"minutes=1"});
  Result<Plan> plan = make_plan(t.context, kSpeed);
  ASSERT_TRUE(plan);
  const std::string yaml = recipe_yaml(frozen_recipe(t.recipe, *plan));
  const R1Recipe again = must_r1_recipe(yaml);
  ASSERT_EQ(again.stages.size(), 2u) << yaml;
  for (const StageRecipe& stage : again.stages) {
    EXPECT_EQ(stage.share, 0);
    EXPECT_EQ(stage.steps, plan->find(stage.name)->steps);
  }
  EXPECT_EQ(again.minutes, 1);
}

TEST(Plan, MeasuresAMachine) {
  TinyStages t(sft("a", "share: 3"));
  Result<MachineSpeed> speed = measure_speed(t.context, t.config);
  ASSERT_TRUE(speed) << speed.error().message;
  EXPECT_GT(speed->row, 0);
  EXPECT_GT(speed->token, 0);
}

TEST(Plan, MeasuresWithConversationsThatFitTheContext) {
  const auto measure = [](uint64_t one_in) {
    TinyStages t(sft("a", "share: 3"));
    t.give(std::make_unique<MadeProblems>([one_in](uint64_t index, Split) {
      return made_problem("say", index % one_in ? "a" : std::string(500, '7'), "");
    }));
    Result<MachineSpeed> speed = measure_speed(t.context, t.config);
    return speed ? "" : speed.error().message;
  };
  EXPECT_EQ(measure(2), "");
  const std::string error = measure(1);
  EXPECT_NE(error.find("that fit the model's context"), std::string::npos) << error;
}

TEST(Plan, F46MeasuringKeepsToItsShareOfTheTime) {
  const auto measure = [](const std::string& minutes, std::optional<double> seconds_max) {
    TinyStages t(sft("a", "steps: 1"), {"rows=512", "reply_estimate=16", "minutes=" + minutes});
    Result<MachineSpeed> speed = measure_speed(t.context, t.config, seconds_max);
    EXPECT_TRUE(speed) << speed.error().message;
    EXPECT_GT(speed->row, 0);
    EXPECT_GT(speed->token, 0);
    EXPECT_GT(speed->adamw, 0);
    return *speed;
  };
  // Without any time the least piece of work: 128 rows, or a conversation more, and 8 replies of 4
  // tokens.
  const MachineSpeed least = measure("10", 0);
  EXPECT_GE(least.rows_measured, 128);
  EXPECT_LT(least.rows_measured, 128 + 96);
  EXPECT_EQ(least.tokens_measured, 8 * 4);
  // With all time: 128 and 512 rows as a warm-up and two more; 32 replies of 8 and 128 and 256
  // of 16.
  const MachineSpeed most = measure("10", 1e9);
  EXPECT_GE(most.rows_measured, 128 + 3 * 512);
  EXPECT_EQ(most.tokens_measured, 8 * 4 + 32 * 8 + 128 * 16 + 256 * 16);
  // The share of the recipe's minutes decides when nothing is said.
  EXPECT_EQ(measure("100000", {}).tokens_measured, most.tokens_measured);
}

}  // namespace
}  // namespace weir
