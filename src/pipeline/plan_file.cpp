// A plan as plan.json, and the recipe with its steps.
#include "pipeline/plan.h"

namespace weir {
namespace {

// Plans of earlier programs lack some numbers.
Result<double> number_or(const Json& json, const char* key, double otherwise) {
  if (!json.find(key)) return otherwise;
  return json.double_at(key);
}

}  // namespace

Json plan_json(const Plan& plan) {
  Json stages = Json::array();
  for (const PlannedSteps& planned : plan.stages) {
    Json one = Json::object();
    one.set("stage", planned.stage);
    one.set("steps", planned.steps);
    one.set("seconds", planned.seconds);
    one.set("step_seconds", planned.step_seconds);
    one.set("tried", planned.is_tried);
    one.set("wanted", planned.wanted);
    one.set("in_time", planned.in_time);
    one.set("steps_max", planned.steps_max);
    one.set("seconds_max", planned.seconds_max);
    stages.push(std::move(one));
  }
  Json json = Json::object();
  json.set("minutes", plan.minutes);
  json.set("planned_minutes", plan.planned_minutes);
  json.set("enough_minutes", plan.enough_minutes);
  json.set("others", plan.others);
  json.set("row_seconds", plan.speed.row);
  json.set("token_seconds", plan.speed.token);
  json.set("adamw_seconds", plan.speed.adamw);
  json.set("muon_seconds", plan.speed.muon);
  json.set("stages", std::move(stages));
  return json;
}

Result<Plan> parse_plan(const Json& json) {
  Plan plan;
  plan.minutes = TRY(json.double_at("minutes"));
  plan.planned_minutes = TRY(number_or(json, "planned_minutes", plan.minutes));
  plan.enough_minutes = TRY(number_or(json, "enough_minutes", 0));
  plan.others = TRY(number_or(json, "others", 0));
  plan.speed.row = TRY(json.double_at("row_seconds"));
  plan.speed.token = TRY(json.double_at("token_seconds"));
  plan.speed.adamw = TRY(json.double_at("adamw_seconds"));
  plan.speed.muon = TRY(json.double_at("muon_seconds"));
  const Json* stages = TRY(json.at("stages"));
  for (const Json& one : stages->items()) {
    PlannedSteps planned;
    planned.stage = TRY(one.string_at("stage"));
    planned.steps = TRY(one.int_at("steps"));
    planned.seconds = TRY(one.double_at("seconds"));
    planned.step_seconds = TRY(number_or(one, "step_seconds", 0));
    if (one.find("tried")) planned.is_tried = TRY(one.bool_at("tried"));
    planned.wanted = int64_t(TRY(number_or(one, "wanted", 0)));
    planned.in_time = int64_t(TRY(number_or(one, "in_time", 0)));
    planned.steps_max = int64_t(TRY(number_or(one, "steps_max", 0)));
    planned.seconds_max = TRY(number_or(one, "seconds_max", 0));
    if (planned.steps < 1) return Error{"stage '" + planned.stage + "' has no steps"};
    plan.stages.push_back(std::move(planned));
  }
  return plan;
}

void drop_length(Json& stage) {
  std::erase_if(stage.members(), [](const Json::Member& member) {
    return member.first == "share" || member.first == "steps" || member.first == "epochs" ||
           member.first == "total_tokens";
  });
}

Json frozen_recipe(const R1Recipe& recipe, const Plan& plan) {
  Json json = recipe.json;
  for (auto& [key, value] : json.members()) {
    if (key != "stages") continue;
    for (auto& [name, stage] : value.members()) {
      drop_length(stage);
      if (const PlannedSteps* planned = plan.find(name)) stage.set("steps", planned->steps);
    }
  }
  return json;
}

}  // namespace weir
