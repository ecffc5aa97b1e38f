// Pieces of the R1 report's page. Sections are HTML and "" when there is nothing to show.
#pragma once
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "base/json.h"
#include "report/report_chart.h"
#include "report/report_r1.h"
#include "stages/scores.h"

namespace weir {

// report_html.cpp
// Text that a model wrote, as element content: escaped and set apart, so that it cannot turn the
// direction of what is around it; what is no UTF-8, control characters and marks of direction
// become U+FFFD. Beyond `bytes_max` it says how much was left out.
std::string reply_html(std::string_view text, size_t bytes_max);
// The same for names and titles: short, for content and quoted attributes.
std::string name_html(std::string_view text);
std::string clean_name(std::string_view text, size_t bytes_max = 120);  // not escaped yet
// "pretraining", "supervised tuning" ...
std::string kind_words(const std::string& kind);
// Colors are the stage's own everywhere on the page: the class "c0" to "c5".
int stage_color(size_t index);

// report_timeline.cpp
// A value of a metrics line; NaN when it is absent or no number.
double metric_of(const Json& line, const std::string& key);
bool has_metric(const StageReport& stage, const std::string& key);
// Stages side by side along one axis from 0 to kTimelineLength, each as wide as the time it took
// (with a least width, so that its name can be read).
inline constexpr double kTimelineLength = 100'000;
struct Timeline {
  std::vector<ChartSpan> spans;
  std::vector<const StageReport*> stages;  // one per span
};
Timeline make_timeline(const std::vector<StageReport>& stages,
                       const std::function<bool(const StageReport&)>& is_shown);
// Where the line of a stage lies on the axis.
double place_of(const StageReport& stage, const ChartSpan& span, const Json& line);
// The curve of one value, thinned to about 400 points; NaN between stages, so that they are not
// connected. `span` > 0 smooths over that share of a stage.
std::vector<ChartPoint> timeline_curve(const Timeline& timeline, const std::string& key,
                                       double span = 0);

// report_conclusion.cpp
// One sentence about the run, and how to talk with its model.
std::string conclusion_html(const R1ReportInput& input);
// report_headline.cpp
std::string r1_headline_html(const std::vector<StageReport>& stages);
// report_stage_table.cpp
std::string stage_table_html(const std::vector<StageReport>& stages);
// report_time.cpp
// `sentences`: what each stage tries, by name.
std::string stages_html(const std::vector<StageReport>& stages,
                        const std::vector<std::pair<std::string, std::string>>& sentences = {});
// report_stage_curves.cpp
std::string stage_curves_html(const std::vector<StageReport>& stages);
// report_stage_experts.cpp
std::string stage_experts_html(const std::vector<StageReport>& stages);
// report_replies.cpp
std::string replies_html(const std::vector<StageReport>& stages);
// report_rewards.cpp
std::string rewards_html(const std::vector<StageReport>& stages);
// report_r1.cpp
std::string settings_html(const std::vector<StageReport>& stages, const std::string& recipe_yaml);

// report_r1_style.cpp: joins the training report's style sheet.
extern const char* const kR1ReportStyle;

}  // namespace weir
