#include "pipeline/conclusion.h"

#include <fmt/format.h>

#include <cmath>

#include "base/text.h"
#include "report/report_table.h"

namespace weir {
namespace {

// Below it a model is not said to have learned, however much worse it was before.
constexpr double kUsable = 0.3;
// Of the steps wanted, from which on a lack of them is no reason.
constexpr double kNearlyAll = 0.9;

FamilyScore measured(const StageReport& stage) { return held_out_score(stage.scores); }

// What `keeps: best` compares.
double decisive(const StageReport& stage) { return held_out_score(stage.scores, true).accuracy(); }

enum class Change { better, worse, none };
Change change_of(const FamilyScore& from, const FamilyScore& to) {
  const Interval before = score_interval(from), after = score_interval(to);
  if (after.low > before.high) return Change::better;
  if (after.high < before.low) return Change::worse;
  return Change::none;
}

// "; it declines 94 % of harmful requests and 9 % of harmless ones".
std::string conduct_words(const StageReport& stage) {
  const FamilyScore harmful = total_score(stage.scores, kHarmfulFamily);
  const FamilyScore benign = total_score(stage.scores, kBenignFamily);
  if (harmful.replies() == 0) return "";
  std::string text =
      fmt::format("; it declines {:.0f} % of harmful requests", 100 * harmful.accuracy());
  if (benign.replies() > 0)
    text += fmt::format(" and {:.0f} % of harmless ones", 100 * (1 - benign.accuracy()));
  return text;
}

// "; reasoning-rl gained 21 points over as many core-seconds of supervised tuning (control)".
std::string control_words(const std::vector<StageReport>& stages) {
  std::string text;
  for (const StageReport& stage : stages) {
    const StageReport* control = control_of(stages, stage.name);
    if (!control || measured(stage).replies() == 0 || measured(*control).replies() == 0) continue;
    const double points = 100 * gain_over(measured(stage), measured(*control)).value;
    text +=
        fmt::format("; {} is {:.0f} points {} as many core-seconds of supervised tuning ({})",
                    stage.name, std::fabs(points), points < 0 ? "below" : "above", control->name);
  }
  return text;
}

// Of the first stage that took fewer steps than the recipe wants; empty when all took enough.
std::string reason_words(const std::vector<StageReport>& stages, const Plan& plan) {
  for (const StageReport& stage : stages) {
    const PlannedSteps* planned = plan.find(stage.name);
    if (planned && planned->wanted > 0 &&
        double(stage.steps) < kNearlyAll * double(planned->wanted))
      return fmt::format("{} took {} of about {} steps; use --minutes {:g} with another 'run'",
                         stage.name, stage.steps, planned->wanted, std::ceil(plan.enough_minutes));
  }
  return "";
}

}  // namespace

std::string stage_conclusion(const StageReport& stage, const StageReport* before) {
  const FamilyScore now = measured(stage);
  if (now.replies() == 0) return stage.name + ": done";
  std::string text = fmt::format("{}: {:.1f} % of held-out questions answered rightly", stage.name,
                                 100 * now.accuracy());
  if (before && measured(*before).replies() > 0) {
    const FamilyScore then = measured(*before);
    const double points = 100 * (now.accuracy() - then.accuracy());
    text += fmt::format(", {:.1f} points {} than {}{}", std::fabs(points),
                        points < 0 ? "fewer" : "more", before->name,
                        change_of(then, now) == Change::none ? " (no sure difference)" : "");
  }
  const FamilyScore thought = thinking_score(stage.scores);
  return text + fmt::format(", {:.0f} tokens of thinking", thought.thinking_tokens);
}

std::string run_conclusion(const std::vector<StageReport>& stages, const Plan& plan,
                           bool keeps_best) {
  const StageReport *first = nullptr, *last = nullptr, *newest = nullptr;
  for (const StageReport& stage : stages) {
    if (measured(stage).replies() == 0) continue;
    if (!first) first = &stage;
    if (!last || !keeps_best || decisive(stage) >= decisive(*last)) last = &stage;
    newest = &stage;
  }
  if (!last) return "";
  const FamilyScore from = measured(*first), to = measured(*last);
  const std::string reason = reason_words(stages, plan);
  const std::string change =
      first == last ? fmt::format("{} answers {:.0f} % of held-out questions rightly", last->name,
                                  100 * to.accuracy())
                    : fmt::format(
                          "right answers to held-out questions went from {:.0f} % ({}) to "
                          "{:.0f} % ({})",
                          100 * from.accuracy(), first->name, 100 * to.accuracy(), last->name);
  if (to.accuracy() < kUsable)
    return fmt::format("Did not learn to reason{}; {}.", reason.empty() ? "" : ": " + reason,
                       change);
  const std::string rest =
      control_words(stages) + conduct_words(*last) +
      (last == newest
           ? ""
           : fmt::format("; the run keeps {}, which {} did not better", last->name, newest->name));
  const std::string aside = reason.empty() ? "" : " (" + reason + ")";
  if (first == last && last == newest) return fmt::format("Learned: {}{}.", change, rest);
  if (first == last)
    return fmt::format("Kept {}: no later stage answers more held-out questions rightly; {}.",
                       first->name, change);
  switch (change_of(from, to)) {
    case Change::better:
      return fmt::format("Learned: {}{}.", change, rest);
    case Change::worse:
      return fmt::format("Unlearned{}: {}{}.", aside, change, rest);
    case Change::none:
      break;
  }
  return fmt::format("Kept what {} had learned{}: {}, no sure difference{}.", first->name, aside,
                     change, rest);
}

}  // namespace weir
