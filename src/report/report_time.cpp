// What each stage was, and where its time went.
#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "base/text.h"
#include "report/r1_page.h"
#include "report/report_table.h"

namespace weir {
namespace {

struct Part {
  const char* name;
  const char* style;  // class
};
constexpr Part kParts[] = {{"drawing replies", "p0"},
                           {"learning", "p1"},
                           {"verifying", "p2"},
                           {"evaluation", "p3"},
                           {"other", "p4"}};
constexpr size_t kPartCount = std::size(kParts);

// Drawn so that bars of all stages compare: seconds by part, which add up to the stage's.
struct StageTime {
  double parts[kPartCount] = {};
  double total() const {
    double sum = 0;
    for (double part : parts) sum += part;
    return sum;
  }
};

double sum_of(const StageReport& stage, const std::string& key) {
  double sum = 0;
  for (const Json& line : stage.metrics)
    if (const double value = metric_of(line, key); value > 0 && std::isfinite(value)) sum += value;
  return sum;
}

double setting_of(const StageReport& stage, const std::string& key) {
  const double value = metric_of(stage.settings, key);
  return value > 0 && std::isfinite(value) ? value : 0;
}

// "seconds" of a line counts from the beginning of the stage; parts of a step are its own.
StageTime time_of(const StageReport& stage) {
  StageTime time;
  double steps = 0;
  for (const Json& line : stage.metrics)
    if (const double value = metric_of(line, "seconds"); std::isfinite(value))
      steps = std::max(steps, value);
  time.parts[0] = sum_of(stage, "rollout_seconds") + setting_of(stage, "sampling_seconds");
  time.parts[1] = sum_of(stage, "learn_seconds");
  time.parts[2] = sum_of(stage, "verify_seconds");
  time.parts[3] = setting_of(stage, "evaluation_seconds");
  if (time.parts[1] == 0 && !has_metric(stage, "rollout_seconds")) time.parts[1] = steps;
  time.parts[4] = std::max(0.0, std::max(stage.seconds, steps) - time.total());
  return time;
}

std::string bar_html(const StageTime& time, double longest) {
  if (!(longest > 0)) return "";
  std::string html = fmt::format("<div class=\"bar\" style=\"width:{:.2f}%\">",
                                 std::max(0.5, 100 * time.total() / longest));
  for (size_t i = 0; i < kPartCount; ++i) {
    if (!(time.parts[i] > 0)) continue;
    html += fmt::format("<i class=\"{}\" style=\"flex-grow:{:.4f}\" title=\"{}: {}\"></i>",
                        kParts[i].style, time.parts[i] / time.total(), kParts[i].name,
                        format_seconds(time.parts[i]));
  }
  return html + "</div>";
}

// "76 % drawing replies, 20 % learning": what a printed page cannot show under a pointer.
std::string words_of(const StageTime& time) {
  std::string words;
  for (size_t i = 0; i < kPartCount; ++i) {
    const double share = time.total() > 0 ? time.parts[i] / time.total() : 0;
    if (share < 0.005) continue;
    words += fmt::format("{}{:.0f} % {}", words.empty() ? "" : ", ", 100 * share, kParts[i].name);
  }
  return words;
}

std::string facts_of(const StageReport& stage) {
  std::string facts = kind_words(stage.kind);
  if (!stage.parent.empty()) facts += " from " + clean_name(stage.parent);
  facts += fmt::format(" · {} {}", stage.steps, stage.steps == 1 ? "step" : "steps");
  if (stage.tokens > 0) facts += fmt::format(" · {} tokens", format_count(double(stage.tokens)));
  return facts;
}

std::string sentence_html(const StageReport& stage,
                          const std::vector<std::pair<std::string, std::string>>& sentences) {
  for (const auto& [name, sentence] : sentences)
    if (name == stage.name) return "<p class=\"words\">" + reply_html(sentence, 1000) + "</p>";
  return "";
}

}  // namespace

std::string stages_html(const std::vector<StageReport>& stages,
                        const std::vector<std::pair<std::string, std::string>>& sentences) {
  if (stages.empty()) return "";
  double longest = 0;
  bool is_used[kPartCount] = {};
  for (const StageReport& stage : stages) {
    const StageTime time = time_of(stage);
    longest = std::max(longest, time.total());
    for (size_t i = 0; i < kPartCount; ++i) is_used[i] |= time.parts[i] > 0;
  }
  std::string html =
      "<section><h2>Where the time went</h2><div class=\"card times\"><p class=\"legend\">";
  for (size_t i = 0; i < kPartCount; ++i)
    if (is_used[i])
      html += fmt::format("<span class=\"key {}\">{}</span>", kParts[i].style, kParts[i].name);
  html += "</p>";
  for (size_t i = 0; i < stages.size(); ++i) {
    const StageTime time = time_of(stages[i]);
    html += fmt::format(
        "<div class=\"time\"><p><b class=\"dot c{}\">{}</b> <span>{}</span></p>"
        "<p class=\"cost\"><b>{}</b>{}</p>{}{}<p class=\"words\">{}</p></div>",
        stage_color(i), name_html(stages[i].name), name_html(facts_of(stages[i])),
        format_seconds(time.total()),
        stages[i].core_seconds > 0
            ? fmt::format(" · {} core-minutes",
                          cell_text(stages[i].core_seconds / 60, CellFormat::minutes))
            : "",
        sentence_html(stages[i], sentences), bar_html(time, longest), words_of(time));
  }
  return html + "</div></section>\n";
}

}  // namespace weir
