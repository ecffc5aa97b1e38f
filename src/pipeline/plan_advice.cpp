// A plan in words: whether the time is enough, and what happens when it is not.
#include <fmt/format.h>

#include <cmath>

#include "base/processor.h"
#include "base/text.h"
#include "pipeline/plan.h"

namespace weir {
namespace {

std::string minutes_words(double minutes) {
  if (minutes >= 120) return format_seconds(60 * minutes);
  return fmt::format("{:g} minute{}", minutes, minutes == 1 ? "" : "s");
}

// "the recipe needs about 700 steps of base, 80 of reasoning-rl; in 10 minutes it gets 166, 23
// here": of the stages that get fewer than they need.
std::string needs_words(const Plan& plan) {
  std::string needed, given;
  for (const PlannedSteps& stage : plan.stages) {
    if (stage.wanted == 0 || stage.in_time >= stage.wanted) continue;
    needed += needed.empty() ? fmt::format("about {} steps of {}", stage.wanted, stage.stage)
                             : fmt::format(", {} of {}", stage.wanted, stage.stage);
    given += fmt::format("{}{}", given.empty() ? "" : ", ", stage.in_time);
  }
  return fmt::format("the recipe needs {}; in {} it gets {} here", needed,
                     minutes_words(plan.minutes), given);
}

// What the same would take if nothing else ran.
std::string alone_words(const Plan& plan) {
  const std::string others = others_words(plan.others);
  if (others.empty()) return "";
  return fmt::format(". Just now {}; alone, about {} would be enough", others,
                     minutes_words(std::ceil(plan.enough_minutes * (1 - plan.others))));
}

}  // namespace

std::string plan_advice(const Plan& plan) {
  if (plan.enough_minutes <= plan.minutes) return "";
  std::string text = needs_words(plan);
  if (plan.planned_minutes >= plan.enough_minutes)
    return text +
           fmt::format(
               ". So the run is planned for {}, as with --minutes {:g}; to keep to the "
               "shorter time, too short for what the stages are for, add --set "
               "minutes_max={:g}",
               minutes_words(plan.planned_minutes), plan.planned_minutes, plan.minutes) +
           alone_words(plan);
  text += fmt::format(", which is too few for what the stages are for: --minutes {:g} is enough",
                      plan.enough_minutes);
  if (plan.planned_minutes > plan.minutes)
    text += fmt::format("; 'minutes_max' allows {}", minutes_words(plan.planned_minutes));
  return text + alone_words(plan);
}

std::string rounds_advice(const R1Recipe& recipe, const Plan& plan) {
  std::string text;
  for (const StageRecipe& stage : recipe.stages) {
    const PlannedSteps* planned = plan.find(stage.name);
    if (!planned || stage.good_enough <= 0 || planned->steps_max <= planned->steps) continue;
    text += fmt::format(
        "{}{} goes on until {:.0f} % of held-out problems are right, for {} steps and {} at most",
        text.empty() ? "" : "; ", stage.name, 100 * stage.good_enough, planned->steps_max,
        format_seconds(planned->seconds_max));
  }
  return text;
}

}  // namespace weir
