// What the reward is made of: each part in words, with its weight and what it came to.
#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "report/r1_page.h"

namespace weir {
namespace {

struct RewardPartText {
  const char* name;
  const char* text;
};
constexpr RewardPartText kParts[] = {
    {"accuracy",
     "1 when a rule finds the answer right, 0 otherwise. Nothing is judged by a model."},
    {"format",
     "1 when the reply has its parts: thinking that opens and closes once, then an answer."},
    {"language", "Share of the thinking's words that are in the language of the question."},
    {"length", "Falls as the thinking grows beyond a wanted length."},
    {"safety",
     "A reward model's opinion of thinking and answer together: harmful requests are "
     "declined, harmless ones are not."},
    {"helpful", "A reward model's preference, trained on pairs, which reads the answer only."},
};

// The section "rewards" of a stage, wherever its settings keep it: at their top or one level down.
const Json* rewards_of(const StageReport& stage) {
  if (const Json* rewards = stage.settings.find("rewards")) return rewards;
  for (const auto& [name, value] : stage.settings.members())
    if (const Json* rewards = value.find("rewards")) return rewards;
  return nullptr;
}

// "weight 0.5, from 75 % of the stage on"; "" when the settings do not say.
std::string weight_of(const StageReport& stage, const std::string& part) {
  const Json* rewards = rewards_of(stage);
  const Json* entry = rewards ? rewards->find(part) : nullptr;
  if (!entry) return "";
  if (entry->is_number()) return fmt::format("weight {:g}", *entry->as_double());
  std::string text;
  if (const double weight = metric_of(*entry, "weight"); std::isfinite(weight))
    text = fmt::format("weight {:g}", weight);
  if (const double from = metric_of(*entry, "from"); from > 0)
    text += fmt::format(", from {:.0f} % of the stage on", 100 * from);
  if (const double cap = metric_of(*entry, "cap"); cap < 1e9)
    text += fmt::format(", at most ±{:g}", cap);
  if (const Json* model = entry->find("model"); model && !model->text().empty())
    text += ", judged by " + clean_name(model->text());
  return text;
}

// Means over the first and the last tenth of a stage: "0.31 → 0.93".
std::string change_of(const StageReport& stage, const std::string& key) {
  std::vector<double> values;
  for (const Json& line : stage.metrics)
    if (const double value = metric_of(line, key); std::isfinite(value)) values.push_back(value);
  if (values.empty()) return "";
  const size_t tenth = (values.size() + 9) / 10;
  double first = 0, last = 0;
  for (size_t i = 0; i < tenth; ++i) {
    first += values[i] / double(tenth);
    last += values[values.size() - 1 - i] / double(tenth);
  }
  return fmt::format("{:.2f} → {:.2f}", first, last);
}

}  // namespace

std::string rewards_html(const std::vector<StageReport>& stages) {
  std::string rows;
  for (const RewardPartText& part : kParts) {
    std::string uses;
    for (size_t i = 0; i < stages.size(); ++i) {
      const std::string change = change_of(stages[i], std::string("reward_") + part.name);
      const std::string weight = weight_of(stages[i], part.name);
      if (change.empty() && weight.empty()) continue;
      uses += fmt::format("<li><b class=\"dot c{}\">{}</b> {}{}</li>", stage_color(i),
                          name_html(stages[i].name), change,
                          weight.empty() ? "" : " <span>" + name_html(weight) + "</span>");
    }
    if (uses.empty()) continue;
    rows += fmt::format("<div class=\"reward\"><b>{}</b><p>{}</p><ul>{}</ul></div>", part.name,
                        part.text, uses);
  }
  if (rows.empty()) return "";
  return "<section><h2>What was rewarded</h2><div class=\"card rewards\">" + rows +
         "</div><p class=\"note\">Means of the first and of the last tenth of a stage. A reply's "
         "reward is the weighted sum of its parts; it is compared with those of the other replies "
         "to the same question.</p></section>\n";
}

}  // namespace weir
