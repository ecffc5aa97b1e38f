#include "report/training_report.h"

#include <fmt/format.h>

#include "base/atomic_output.h"
#include "base/file.h"
#include "base/text.h"
#include "report/page.h"

namespace weir {
namespace {

std::string subtitle(const std::vector<StepMetrics>& metrics) {
  if (metrics.empty()) return "trained with weir";
  const StepMetrics& last = metrics.back();
  return fmt::format("trained with weir: {} steps, {} tokens, {}", last.step,
                     format_count(double(last.tokens)), format_seconds(last.seconds));
}

}  // namespace

Result<void> write_report(const std::string& path, const ReportInput& input) {
  std::vector<StepMetrics> metrics;
  if (file_exists(input.metrics_path)) metrics = TRY(read_metrics(input.metrics_path));
  return write_file_atomic(
      path, page_html(input.title, subtitle(metrics),
                      headline_html(metrics) + curves_html(metrics) + experts_html(metrics) +
                          samples_html(input) + facts_html(input) + recipe_html(input)));
}

}  // namespace weir
