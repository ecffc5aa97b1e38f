#include "report/training_report.h"

#include <fmt/format.h>

#include <cmath>
#include <limits>
#include <optional>

#include "base/atomic_output.h"
#include "base/file.h"
#include "base/text.h"
#include "report/page.h"
#include "report/report_data.h"

namespace weir {
namespace {

constexpr size_t kCurvePoints = 400, kMapColumns = 96;
constexpr size_t kTextBytes = size_t(1) << 18;

Json number_json(std::string value, const char* unit, const char* name, std::string detail) {
  return json_object(
      {{"name", name}, {"value", std::move(value)}, {"unit", unit}, {"detail", std::move(detail)}});
}

// Mean over the last twentieth of the steps: one step's loss is mostly noise.
double recent_loss(const std::vector<StepMetrics>& metrics) {
  const size_t count = (metrics.size() + 19) / 20;
  double sum = 0;
  for (size_t i = metrics.size() - count; i < metrics.size(); ++i) sum += metrics[i].loss;
  return sum / double(count);
}

Json numbers_json(const std::vector<StepMetrics>& metrics) {
  Json numbers = Json::array();
  if (metrics.empty()) return numbers;
  const StepMetrics& last = metrics.back();
  const StepMetrics *held = nullptr, *best = nullptr;
  for (const StepMetrics& m : metrics) {
    if (!m.validation_loss || !std::isfinite(*m.validation_loss)) continue;
    held = &m;
    if (!best || *m.validation_loss < *best->validation_loss) best = &m;
  }
  if (held) {
    numbers.push(number_json(
        fmt::format("{:.3f}", *held->validation_loss), "nats", "Held-out loss",
        best == held ? "the best so far"
                     : fmt::format("best {:.3f} at step {}", *best->validation_loss, best->step)));
    if (held->bits_per_byte)
      numbers.push(number_json(fmt::format("{:.3f}", *held->bits_per_byte), "bits",
                               "Per held-out byte",
                               fmt::format("text shrinks {:.1f} times", 8 / *held->bits_per_byte)));
  }
  numbers.push(
      number_json(fmt::format("{:.3f}", recent_loss(metrics)), "nats", "Training loss",
                  fmt::format("from {:.3f} at step {}", metrics[0].loss, metrics[0].step)));
  numbers.push(number_json(format_count(double(last.tokens)), "", "Tokens trained on",
                           fmt::format("in {} steps", last.step)));
  const double speed =
      last.seconds > 0 ? double(last.tokens) / last.seconds : last.tokens_per_second;
  numbers.push(number_json(format_seconds(last.seconds), "", "Training time",
                           format_count(speed) + " tokens per second"));
  return numbers;
}

// The whole run as one stage.
Json stage_json(const std::vector<StepMetrics>& metrics) {
  const auto optional = [&](std::optional<double> StepMetrics::*member) {
    return [&metrics, member](size_t line) {
      return (metrics[line].*member).value_or(std::numeric_limits<double>::quiet_NaN());
    };
  };
  const auto value = [&](double StepMetrics::*member) {
    return [&metrics, member](size_t line) { return metrics[line].*member; };
  };
  const auto step = [&](size_t line) { return double(metrics[line].step); };
  std::vector<size_t> shape;
  Json stage = json_object({{"name", "run"}, {"kind", "train"}, {"color", 0}});
  stage.set("metrics", columns_json(metrics.size(),
                                    {{"step", step},
                                     {"loss", value(&StepMetrics::loss)},
                                     {"val_loss", optional(&StepMetrics::validation_loss)},
                                     {"val_bits_per_byte", optional(&StepMetrics::bits_per_byte)},
                                     {"mtp_loss", optional(&StepMetrics::mtp_loss)},
                                     {"balance_loss", optional(&StepMetrics::balance_loss)},
                                     {"lr", value(&StepMetrics::lr)},
                                     {"grad_norm", value(&StepMetrics::grad_norm)},
                                     {"tokens_per_second", value(&StepMetrics::tokens_per_second)}},
                                    kCurvePoints));
  std::vector<LoadLine> loads;
  for (const StepMetrics& m : metrics) loads.push_back({double(m.step), &m.expert_load});
  stage.set("experts", experts_json(std::move(loads), kMapColumns, shape));
  return stage;
}

std::string subtitle(const std::vector<StepMetrics>& metrics) {
  if (metrics.empty()) return "trained with weir";
  const StepMetrics& last = metrics.back();
  return fmt::format("trained with weir: {} steps, {} tokens, {}", last.step,
                     format_count(double(last.tokens)), format_seconds(last.seconds));
}

}  // namespace

Json training_report_json(const ReportInput& input, const std::vector<StepMetrics>& metrics) {
  Json report = json_object({{"kind", "training"},
                             {"title", clean_name(input.title)},
                             {"subtitle", subtitle(metrics)},
                             {"none", "No step has been logged yet."}});
  report.set("numbers", numbers_json(metrics));
  report.set("levels", load_levels_json());
  Json stages = Json::array(), samples = Json::array(), facts = Json::array();
  if (!metrics.empty()) stages.push(stage_json(metrics));
  report.set("stages", std::move(stages));
  for (const auto& [prompt, continuation] : input.samples)
    samples.push(json_object({{"prompt", shown_text(prompt, kTextBytes)},
                              {"continuation", shown_text(continuation, kTextBytes)}}));
  report.set("samples", std::move(samples));
  for (const auto& [name, text] : input.facts)
    facts.push(json_object({{"name", clean_name(name)}, {"text", shown_text(text, kTextBytes)}}));
  report.set("facts", std::move(facts));
  Json settings = Json::array();
  if (!input.recipe.is_null())
    settings.push(json_object({{"name", "the recipe, every key with its value"},
                               {"text", shown_text(input.recipe.dump(2), kTextBytes)}}));
  report.set("settings", std::move(settings));
  return report;
}

Result<void> write_report(const std::string& path, const ReportInput& input) {
  std::vector<StepMetrics> metrics;
  if (file_exists(input.metrics_path)) metrics = TRY(read_metrics(input.metrics_path));
  return write_file_atomic(path, page_html(training_report_json(input, metrics)));
}

}  // namespace weir
