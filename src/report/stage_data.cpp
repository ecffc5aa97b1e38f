#include "report/stage_data.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <limits>

#include "base/text.h"
#include "report/page.h"
#include "report/report_data.h"
#include "report/report_table.h"
#include "stages/rewards.h"

namespace weir {
namespace {

constexpr size_t kCurvePoints = 200, kMapColumns = 48;  // of one stage of several
constexpr const char* kCurves[] = {"loss",
                                   "reward",
                                   "accuracy",
                                   "held_out",
                                   "thinking_tokens",
                                   "reply_tokens",
                                   "entropy",
                                   "kl",
                                   "clip_fraction",
                                   "margin",
                                   "held_out_margin",
                                   "max_difference",
                                   "rollout_kl",
                                   "right",
                                   "wrong",
                                   "unparseable",
                                   "truncated",
                                   "routing_differences",
                                   "lr",
                                   "grad_norm",
                                   "uniform_groups",
                                   "tokens_per_second"};

// NaN when it is absent or no number.
double metric_of(const Json& line, const std::string& key) {
  const Json* value = line.find(key);
  if (!value || !value->is_number()) return std::numeric_limits<double>::quiet_NaN();
  return *value->as_double();
}

std::vector<double> finite_values(const StageReport& stage, const std::string& key) {
  std::vector<double> values;
  for (const Json& line : stage.metrics)
    if (const double value = metric_of(line, key); std::isfinite(value)) values.push_back(value);
  return values;
}

// Lines without a step are counted from the first one's.
double step_of(const StageReport& stage, size_t line) {
  const double step = metric_of(stage.metrics[line], "step");
  if (std::isfinite(step)) return step;
  const double first = metric_of(stage.metrics[0], "step");
  return (std::isfinite(first) ? first : 1) + double(line);
}

Json metrics_json(const StageReport& stage) {
  std::vector<MetricsColumn> columns;
  columns.emplace_back("step", [&](size_t line) { return step_of(stage, line); });
  const auto add = [&](const std::string& key) {
    columns.emplace_back(
        key, [&stage, key](size_t line) { return metric_of(stage.metrics[line], key); });
  };
  for (const char* key : kCurves) add(key);
  for (const char* part : kRewardParts) add(std::string("reward_") + part);
  return columns_json(stage.metrics.size(), columns, kCurvePoints);
}

// Empty when the line has none, or one that is not all numbers.
ExpertLoad load_of(const Json& line) {
  ExpertLoad load;
  const Json* layers = line.find("expert_load");
  if (!layers) return load;
  for (const Json& layer : layers->items()) {
    std::vector<double>& shares = load.emplace_back();
    for (const Json& share : layer.items()) {
      if (!share.is_number()) return {};
      shares.push_back(*share.as_double());
    }
  }
  return load;
}

Json load_json(const StageReport& stage, size_t columns, std::vector<size_t>& shape) {
  std::vector<ExpertLoad> loads;
  for (const Json& line : stage.metrics) loads.push_back(load_of(line));
  std::vector<LoadLine> lines;
  for (size_t i = 0; i < loads.size(); ++i) lines.push_back({step_of(stage, i), &loads[i]});
  return experts_json(std::move(lines), columns, shape);
}

// The section "rewards" of a stage, wherever its settings keep it: at their top or one level down.
const Json* rewards_of(const StageReport& stage) {
  if (const Json* rewards = stage.settings.find("rewards")) return rewards;
  for (const auto& [name, value] : stage.settings.members())
    if (const Json* rewards = value.find("rewards")) return rewards;
  return nullptr;
}

// "weight 0.5, from 75 % of the stage on"; "" when the settings do not say.
std::string weight_words(const StageReport& stage, const std::string& part) {
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
  if (const Json* policy = entry->find("policy"); policy && !policy->text().empty())
    text += ", policy " + clean_name(policy->text());
  return text;
}

// Means over the first and the last tenth of a stage: "0.31 → 0.93".
std::string change_words(const StageReport& stage, const std::string& key) {
  const std::vector<double> values = finite_values(stage, key);
  const size_t tenth = (values.size() + 9) / 10;
  if (tenth == 0) return "";
  double first = 0, last = 0;
  for (size_t i = 0; i < tenth; ++i) {
    first += values[i] / double(tenth);
    last += values[values.size() - 1 - i] / double(tenth);
  }
  return fmt::format("{:.2f} → {:.2f}", first, last);
}

Json rewards_json(const StageReport& stage) {
  Json rewards = Json::object();
  for (const char* part : kRewardParts) {
    const std::string change = change_words(stage, std::string("reward_") + part);
    const std::string weight = weight_words(stage, part);
    if (!change.empty() || !weight.empty())
      rewards.set(part, json_object({{"change", change},
                                     {"weight", weight.empty() ? "" : clean_name(weight)}}));
  }
  return rewards;
}

double positive_sum(const std::vector<double>& values) {
  double sum = 0;
  for (double value : values) sum += std::max(0.0, value);
  return sum;
}

// Seconds of drawing replies, learning, verifying, evaluating and the rest: they add up to the
// stage's. "seconds" of a line counts from the beginning of the stage; parts of a step are its own.
std::vector<double> time_parts(const StageReport& stage) {
  const auto setting = [&](const char* key) {
    const double value = metric_of(stage.settings, key);
    return value > 0 && std::isfinite(value) ? value : 0;
  };
  double steps = 0;
  for (double seconds : finite_values(stage, "seconds")) steps = std::max(steps, seconds);
  const std::vector<double> rollouts = finite_values(stage, "rollout_seconds");
  std::vector<double> parts = {positive_sum(rollouts) + setting("sampling_seconds"),
                               positive_sum(finite_values(stage, "learn_seconds")),
                               positive_sum(finite_values(stage, "verify_seconds")),
                               setting("evaluation_seconds")};
  if (parts[1] == 0 && rollouts.empty()) parts[1] = steps;
  const double known = positive_sum(parts);
  parts.push_back(std::max(0.0, std::max(stage.seconds, steps) - known));
  return parts;
}

Json time_json(const StageReport& stage) {
  const std::vector<double> parts = time_parts(stage);
  Json list = Json::array();
  for (double part : parts) list.push(short_number(part));
  Json time = json_object({{"total", format_seconds(positive_sum(parts))}});
  if (stage.core_seconds > 0)
    time.set("core_minutes", cell_text(stage.core_seconds / 60, CellFormat::minutes));
  time.set("parts", std::move(list));
  return time;
}

std::string facts_of(const StageReport& stage) {
  std::string facts = kind_words(stage.kind);
  if (!stage.parent.empty()) facts += " from " + clean_name(stage.parent);
  facts += fmt::format(" · {} {}", stage.steps, stage.steps == 1 ? "step" : "steps");
  if (stage.tokens > 0) facts += fmt::format(" · {} tokens", format_count(double(stage.tokens)));
  return facts;
}

}  // namespace

Json stage_json(const StageReport& stage, size_t index, size_t count,
                std::vector<size_t>& load_shape) {
  const size_t scale = count == 1 ? 2 : 1;
  Json json = json_object({{"name", clean_name(stage.name)},
                           {"kind", clean_name(stage.kind)},
                           {"color", stage_color(index)},
                           {"facts", facts_of(stage)},
                           {"seconds", short_number(stage.seconds)},
                           {"lines", int64_t(stage.metrics.size())}});
  json.set("metrics", metrics_json(stage));
  json.set("experts", load_json(stage, kMapColumns * scale, load_shape));
  json.set("rewards", rewards_json(stage));
  json.set("time", time_json(stage));
  return json;
}

std::string kind_words(const std::string& kind) {
  if (kind == "pretrain") return "pretraining";
  if (kind == "sft") return "supervised tuning";
  if (kind == "grpo") return "reinforcement";
  if (kind == "reward") return "reward model";
  if (kind == "dpo") return "preferences";
  if (kind == "distill") return "distillation";
  return clean_name(kind);
}

int stage_color(size_t index) { return int(index % 6); }

}  // namespace weir
