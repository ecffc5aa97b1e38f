#include "train/report.h"

#include <fmt/format.h>

#include "base/file.h"
#include "base/text.h"
#include "train/report_page.h"

namespace weir {
namespace {

// Water over a weir, as the page's mark.
constexpr char kMark[] =
    "<svg class=\"mark\" viewBox=\"0 0 48 32\" aria-hidden=\"true\">"
    "<path d=\"M2 8c4-3 7-3 11 0s7 3 11 0\"/><path d=\"M2 16c4-3 7-3 11 0s7 3 11 0\"/>"
    "<path d=\"M24 8c9 0 9 18 22 18M24 16c5 0 6 10 12 13\"/></svg>";

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
  const std::string title = escape_html(input.title);
  // The policy holds the page to its word: nothing is fetched, whatever text it carries.
  std::string page =
      "<!doctype html>\n<html lang=\"en\"><head><meta charset=\"utf-8\">\n"
      "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n"
      "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; "
      "style-src 'unsafe-inline'; script-src 'unsafe-inline'\">\n<title>" +
      title + " · weir</title>\n<style>" + kReportStyle +
      "</style></head>\n<body><main>\n<header>" + kMark + "<div><h1>" + title + "</h1><p>" +
      escape_html(subtitle(metrics)) + "</p></div></header>\n";
  page += headline_html(metrics) + curves_html(metrics) + experts_html(metrics) +
          samples_html(input) + facts_html(input) + recipe_html(input);
  page +=
      std::string(
          "<footer>This page is one file and loads nothing from the network.</footer>\n</main>") +
      "<script>" + kReportScript + "</script></body></html>\n";
  return write_file_atomic(path, page);
}

}  // namespace weir
