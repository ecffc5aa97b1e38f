// How many steps each stage gets, so that the whole run takes the wanted time. The machine's speed
// is measured for about 3 % of that time; then the step counts are frozen, so that a run is both
// time-boxed and reproducible.
#pragma once
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/json.h"
#include "base/result.h"
#include "config/config.h"
#include "stages/stage.h"

namespace weir {

// Held-out problems whose accuracy a stage looks at now and then while it runs.
constexpr int kHeldOutProblems = 64;

// What work costs here, in seconds.
struct MachineSpeed {
  double row = 0;              // learning from one row: forward and backward
  double token = 0;            // drawing one token, many replies at once
  double adamw = 0, muon = 0;  // an update
  // How much it was measured with: rows learned from and tokens drawn.
  int64_t rows_measured = 0, tokens_measured = 0;
};

struct PlannedSteps {
  std::string stage;
  int64_t steps = 0;
  double seconds = 0;   // expected, with what happens before and after the steps
  int64_t wanted = 0;   // by the recipe; 0: it does not say
  int64_t in_time = 0;  // steps that the asked minutes have room for
  // With further rounds of a stage that is not good enough; 0: there are none.
  int64_t steps_max = 0;
  double seconds_max = 0;
  double step_seconds = 0;  // expected of a step; 0 in plans of earlier programs
  bool is_tried = false;    // a step's cost was tried on the stage's parent
};

struct Plan {
  double minutes = 0;  // asked for
  // What is planned for: more than `minutes` when stages get fewer steps than they need in them.
  double planned_minutes = 0;
  double enough_minutes = 0;  // for all `wanted` steps, on this machine; 0: the recipe wants none
  double others = 0;          // share of the cores that other programs took when it was measured
  MachineSpeed speed;
  std::vector<PlannedSteps> stages;
  const PlannedSteps* find(const std::string& stage) const;
};

// Trains and samples a scratch model of this shape on the recipe's own data, for about 3 % of the
// recipe's time (or `seconds_max`), however large the model is; the smallest piece of work is
// always measured.
Result<MachineSpeed> measure_speed(const R1Context& context, const ModelConfig& config,
                                   std::optional<double> seconds_max = {});

// Stages with `steps` keep them; the others share what they leave of the time, which is `minutes`,
// or as much as gives every stage its `steps_wanted`, but no more than `minutes_max`. Errors when
// nothing is left for a stage.
Result<Plan> make_plan(const R1Context& context, const MachineSpeed& speed);

// Steps of a control that take as many core-seconds as the finished stage `equal` took in its own
// steps, by what a step of the finished tuning stage `sample` took; `rows_ratio`: rows of a step of
// the control by those of `sample`. 0 when their metrics do not say.
int64_t equal_cost_steps(const StageReport& equal, const StageReport& sample, double rows_ratio);

// Steps of a stage of which one, as was found in `spent` seconds, takes `step_seconds`: as many as
// the time of its steps has room for. Steps that the recipe wants and that were planned stay, and
// no more than four times as many as planned are taken: replies may become longer again.
int64_t retimed_steps(const PlannedSteps& planned, double step_seconds, double spent);

// What took `seconds` while other programs took `others` of the cores, at the pace that is planned
// for: with as many of them as when the machine was measured.
double at_planned_pace(double seconds, double others, const Plan& plan);

// Whether `minutes` is too little for what the recipe wants, and what is done about it, as one or
// two sentences; "" when there is nothing to say.
std::string plan_advice(const Plan& plan);
// How far a stage may be continued, as "base goes on until ..."; "" when none may.
std::string rounds_advice(const R1Recipe& recipe, const Plan& plan);

Json plan_json(const Plan& plan);
Result<Plan> parse_plan(const Json& json);

// Removes steps, share, epochs and total_tokens from a stage's section.
void drop_length(Json& stage);

// The recipe with the plan's steps instead of shares: it gives the same bits on any machine.
Json frozen_recipe(const R1Recipe& recipe, const Plan& plan);

}  // namespace weir
