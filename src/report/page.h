// Pieces of the report's page: escaping, the style and script it carries, and its sections.
#pragma once
#include <string>
#include <string_view>
#include <vector>

#include "base/json.h"
#include "report/report_chart.h"
#include "report/training_report.h"
#include "train/metrics.h"

namespace weir {

// For element content and double-quoted attributes. Control characters other than newline and tab
// become visible.
std::string escape_html(std::string_view text);
// The whole page around sections: head, policy, style sheet (`style` is added to it), heading and
// script.
std::string page_html(const std::string& title, const std::string& subtitle,
                      const std::string& body, const std::string& style = "");
// Large numbers side by side, each with what it counts and a word about it.
struct Headline {
  std::string value, unit, name, detail;
};
std::string numbers_html(const std::vector<Headline>& numbers);
// JSON for a <script> element: "<" is written as an escape, so that no value ends the element.
std::string script_json(const Json& value);

// report_style.cpp
extern const char* const kReportStyle;
extern const char* const kReportScript;

// report_page.cpp: sections as HTML, "" when there is nothing to show.
std::string headline_html(const std::vector<StepMetrics>& metrics);
std::string samples_html(const ReportInput& input);
std::string facts_html(const ReportInput& input);
std::string recipe_html(const ReportInput& input);

// report_curves.cpp
std::string curves_html(const std::vector<StepMetrics>& metrics);

// report_experts.cpp
// With spans their axis is the steps': a run through several stages, laid side by side.
std::string experts_html(const std::vector<StepMetrics>& metrics,
                         const std::vector<ChartSpan>& spans = {});

}  // namespace weir
