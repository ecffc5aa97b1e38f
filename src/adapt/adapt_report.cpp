#include "adapt/adapt_report.h"

#include <fmt/format.h>

#include "adapt/evaluation.h"
#include "base/text.h"
#include "report/page_summary.h"
#include "stages/scores.h"

namespace weir {
namespace {

constexpr size_t kWorstShown = 30;

int64_t int_of(const Json& json, const char* member) {
  const auto number = json.int_at(member);
  return number ? *number : 0;
}

double double_of(const Json& json, const char* member) {
  const auto number = json.double_at(member);
  return number ? *number : 0;
}

// "62 % (49-73)", "-" of nothing.
std::string share_text(int64_t right, int64_t count) {
  if (count == 0) return "-";
  const Interval interval = wilson_interval(double(right), double(count));
  return fmt::format("{:.0f} % ({:.0f}-{:.0f})", 100. * double(right) / double(count),
                     100 * interval.low, 100 * interval.high);
}

struct Column {
  const char* title;
  std::string (*text)(const Json& arm);
};
const Column kColumns[] = {
    {"right",
     [](const Json& arm) { return share_text(int_of(arm, "right"), int_of(arm, "answerable")); }},
    {"refused wrongly",
     [](const Json& arm) {
       return share_text(int_of(arm, "refused_wrongly"), int_of(arm, "answerable"));
     }},
    {"refused rightly",
     [](const Json& arm) {
       return share_text(int_of(arm, "refused_rightly"), int_of(arm, "unanswerable"));
     }},
    {"cited rightly",
     [](const Json& arm) {
       return share_text(int_of(arm, "cited_rightly"), int_of(arm, "cited"));
     }},
    {"with right citation",
     [](const Json& arm) {
       return share_text(int_of(arm, "with_right_citation"), int_of(arm, "answerable"));
     }},
};

constexpr std::pair<const char*, const char*> kSets[] = {
    {"made", "questions made from documents that were held out"},
    {"written", "questions written by hand"}};

std::string table_html(const Json& arms) {
  std::string html = "<table><tr><th></th>";
  for (const Column& column : kColumns) html += fmt::format("<th>{}</th>", column.title);
  html += "</tr>";
  for (const Json& arm : arms.items()) {
    html += fmt::format("<tr><th>{}</th>", escape_html(arm.text_at("arm")));
    for (const Column& column : kColumns) html += fmt::format("<td>{}</td>", column.text(arm));
    html += "</tr>";
  }
  return html + "</table>";
}

std::string worst_html(const std::string& arm, const std::vector<Json>& answers) {
  std::string html;
  size_t shown = 0;
  for (const Json& answer : answers) {
    const auto is_right = answer.bool_at("is_right");
    if (answer.text_at("arm") != arm || !is_right || *is_right) continue;
    if (++shown > kWorstShown) break;
    const std::string& said = answer.text_at("answer");
    const std::string& expected = answer.text_at("expected");
    html += fmt::format("<dt>{}</dt><dd>{}<br><small>expected: {}</small></dd>",
                        escape_html(answer.text_at("question")),
                        said.empty() ? "<em>refused</em>" : escape_html(said),
                        expected.empty() ? "<em>a refusal</em>" : escape_html(expected));
  }
  return html.empty() ? "<p>None.</p>" : "<dl>" + html + "</dl>";
}

std::string stages_html(const AdaptFolder& folder) {
  std::string rows;
  for (const char* stage :
       {"documents", "questions", "rows", "tuning", "calibration", "evaluation"})
    if (const Json* result = folder.result(stage))
      rows += fmt::format("<tr><th>{}</th><td>{}</td></tr>", stage,
                          format_seconds(double_of(*result, "seconds")));
  return "<table>" + rows + "</table>";
}

std::string dropped_html(const AdaptFolder& folder) {
  const Json* questions = folder.result("questions");
  const Json* dropped = questions ? questions->find("dropped") : nullptr;
  if (!dropped) return "";
  std::string rows =
      fmt::format("<tr><th>kept</th><td>{}</td></tr>", int_of(*questions, "questions"));
  for (const auto& [reason, count] : dropped->members())
    rows += fmt::format("<tr><th>{}</th><td>{}</td></tr>", escape_html(reason), count.dump());
  return "<table>" + rows + "</table>";
}

constexpr const char* kStyle =
    "body{font:16px/1.5 system-ui,sans-serif;max-width:60rem;margin:2rem auto;padding:0 1rem;"
    "color-scheme:light dark}table{border-collapse:collapse;margin:.5rem 0 1.5rem}th,td{padding:"
    ".3rem .8rem;text-align:left;border-bottom:1px solid #8884}dt{font-weight:600;margin-top:1rem}"
    "dd{margin:0}";

}  // namespace

std::string chosen_arm(const AdaptFolder& folder) {
  const Json* calibrated = folder.result("calibration");
  const std::string arm = calibrated ? calibrated->text_at("arm") : "";
  return arm.empty() ? way_name({Arm::adapted_knowledge}) : arm;
}

std::string choice_sentence(const AdaptFolder& folder) {
  const Json* calibrated = folder.result("calibration");
  const Json* arms = calibrated ? calibrated->find("arms") : nullptr;
  if (!arms) return "";
  std::string shares;
  for (const Json& arm : arms->items())
    shares += fmt::format("{}{} {}", shares.empty() ? "" : ", ", arm.text_at("arm"),
                          share_text(int_of(arm, "right"), int_of(arm, "answerable")));
  return fmt::format(
      "The bot is \"{}\", which answers more of the calibration questions rightly: {}.",
      chosen_arm(folder), shares);
}

std::string evaluation_table(const Json& evaluation) {
  std::string text;
  for (const auto& [member, title] : kSets) {
    const Json* arms = evaluation.find(member);
    if (!arms) continue;
    text += fmt::format("{}\n{:<36}", title, "");
    for (const Column& column : kColumns) text += fmt::format("{:<20}", column.title);
    text += "\n";
    for (const Json& arm : arms->items()) {
      text += fmt::format("  {:<34}", arm.text_at("arm"));
      for (const Column& column : kColumns) text += fmt::format("{:<20}", column.text(arm));
      text += "\n";
    }
  }
  return text;
}

std::string adapt_page(const AdaptFolder& folder, const std::string& title,
                       const std::vector<Json>& answers) {
  std::string body = fmt::format("<h1>{}</h1>", escape_html(title));
  if (const Json* evaluation = folder.result("evaluation"))
    for (const auto& [member, about] : kSets)
      if (const Json* arms = evaluation->find(member))
        body += fmt::format("<h2>Answers to {}</h2>{}", about, table_html(*arms));
  body += fmt::format("<p>{}</p>", escape_html(choice_sentence(folder)));
  body +=
      "<p>Right: the answer has the expected numbers and at least 60 % of the expected key words, "
      "or "
      "80 % of the words by which the document answers. In brackets the 95 % interval.</p>";
  body += "<h2>Made questions</h2>" + dropped_html(folder);
  body += "<h2>What it cost</h2>" + stages_html(folder);
  body += "<h2>Wrong answers of the bot</h2>" + worst_html(chosen_arm(folder), answers);
  return fmt::format(
      "<!doctype html><html lang=\"en\"><meta charset=\"utf-8\"><meta name=\"viewport\" "
      "content=\"width=device-width\"><title>{}</title><style>{}</style><body>{}"
      "</body></html>\n",
      escape_html(title), kStyle, body);
}

}  // namespace weir
