// The page of an R1 run as JSON, but for what each stage has by itself (stage_data.h).
#include "report/report_r1.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/atomic_output.h"
#include "base/file.h"
#include "base/text.h"
#include "report/page.h"
#include "report/report_data.h"
#include "report/report_table.h"
#include "report/stage_data.h"
#include "stages/shown_reply.h"

namespace weir {
namespace {

constexpr size_t kSettingsBytes = size_t(1) << 18, kSentenceBytes = 1000;
constexpr size_t kQuestionsMax = 24;
constexpr size_t kTextBytes = 3000, kGoldBytes = 300;  // of each text of a reply

FamilyScore reasoning(const StageReport& stage) {
  return total_score(reasoning_scores(stage.scores), "");
}

FamilyScore untrained(const StageReport& stage) {
  return total_score(untrained_scores(reasoning_scores(stage.scores)), "");
}

// The few numbers that a reader should remember.
class Headline {
 public:
  explicit Headline(const std::vector<StageReport>& stages) {
    for (const StageReport& stage : stages)
      if (!stage.scores.empty()) evaluated_.push_back(&stage);
  }

  Json numbers(const std::vector<StageReport>& stages) {
    add_reasoning();
    add_controls();
    if (!evaluated_.empty()) add_conduct(*evaluated_.front(), *evaluated_.back());
    double seconds = 0, core_seconds = 0;
    int64_t tokens = 0;
    for (const StageReport& stage : stages) {
      seconds += stage.wall_seconds();
      core_seconds += stage.core_seconds;
      tokens += stage.tokens;
    }
    if (core_seconds > 0)
      add("Cost", cell_text(core_seconds / 60, CellFormat::minutes), "core-minutes",
          fmt::format("of processor time; {} of wall clock, {} tokens trained on",
                      format_seconds(seconds), format_count(double(tokens))));
    return std::move(numbers_);
  }

 private:
  void add(const char* name, std::string value, const char* unit, std::string detail) {
    numbers_.push(json_object({{"name", name},
                               {"value", std::move(value)},
                               {"unit", unit},
                               {"detail", std::move(detail)}}));
  }

  // "12.5 → 94.0", or one value when there is one stage.
  static std::string change(double from, double to, bool is_one, CellFormat format) {
    const std::string end = cell_text(to, format);
    return is_one ? end : cell_text(from, format) + " → " + end;
  }

  static std::string names(const StageReport& from, const StageReport& to) {
    if (&from == &to) return clean_name(from.name);
    return clean_name(from.name) + " → " + clean_name(to.name);
  }

  // From the first stage to the one that is best at reasoning.
  void add_reasoning() {
    std::vector<const StageReport*> stages = evaluated_;
    std::erase_if(stages, [](auto* stage) { return reasoning(*stage).replies() == 0; });
    if (stages.empty()) return;
    const auto accuracy = [](const StageReport* stage) { return reasoning(*stage).accuracy(); };
    const StageReport& base = *stages.front();
    const StageReport& best = **std::ranges::max_element(stages, {}, accuracy);
    const bool is_one = &best == &base;
    add("Reasoning, right answers",
        change(accuracy(&base), accuracy(&best), is_one, CellFormat::share), "%",
        names(base, best));
    if (untrained(base).replies() > 0 && untrained(best).replies() > 0)
      add("Harder than trained on",
          change(untrained(base).accuracy(), untrained(best).accuracy(), is_one, CellFormat::share),
          "%", names(base, best));
    add("Thinking",
        change(reasoning(base).thinking_tokens, reasoning(best).thinking_tokens, is_one,
               CellFormat::tokens),
        "tokens", "mean per reasoning reply");
  }

  // What a stage gained over as much time of supervised tuning.
  void add_controls() {
    for (const StageReport* stage : evaluated_)
      for (const StageReport* control : evaluated_) {
        if (equal_cost_of(*control) != stage->name) continue;
        if (reasoning(*stage).replies() == 0 || reasoning(*control).replies() == 0) continue;
        const Gain gain = gain_over(reasoning(*stage), reasoning(*control));
        add("Over equal-cost tuning", cell_text(gain.value, CellFormat::points), "points",
            fmt::format("{} against {}; {} and {} core-minutes", clean_name(stage->name),
                        clean_name(control->name),
                        cell_text(stage->core_seconds / 60, CellFormat::minutes),
                        cell_text(control->core_seconds / 60, CellFormat::minutes)));
      }
  }

  void add_conduct(const StageReport& base, const StageReport& last) {
    add("Thinking in the right language",
        change(thinking_score(base.scores).language, thinking_score(last.scores).language,
               &base == &last, CellFormat::share),
        "%", names(base, last));
    const FamilyScore harmful = total_score(last.scores, kHarmfulFamily);
    const FamilyScore benign = total_score(last.scores, kBenignFamily);
    const std::string declined = cell_text(harmful.accuracy(), CellFormat::share);
    if (harmful.replies() == 0) return;
    if (benign.replies() == 0)
      add("Harmful declined", declined, "%", clean_name(last.name));
    else
      add("Harmful declined / harmless declined",
          declined + " / " + cell_text(1 - benign.accuracy(), CellFormat::share), "%",
          clean_name(last.name));
  }

  std::vector<const StageReport*> evaluated_;
  Json numbers_ = Json::array();
};

Json cell_json(const StageCell& cell, CellFormat format) {
  if (!cell.has_value) return {};
  Json json = json_object({{"text", cell_text(cell.value, format)}, {"is_best", cell.is_best}});
  if (format == CellFormat::share) json.set("share", short_number(cell.value));
  if (cell.has_interval)
    json.set("interval",
             interval_text(cell.interval, format, format == CellFormat::points ? " to " : "–"));
  return json;
}

Json table_json(const StageTable& table) {
  Json columns = Json::array(), rows = Json::array();
  bool has_conduct = false;
  for (const StageColumn& column : table.columns)
    columns.push(json_object({{"name", clean_name(column.name)},
                              {"kind", kind_words(column.kind)},
                              {"color", column.color}}));
  for (const StageRow& row : table.rows) {
    has_conduct |= row.name == kFactsRow || row.name == kComposedRow || row.name == kHarmfulRow;
    Json cells = Json::array();
    for (const StageCell& cell : row.cells) cells.push(cell_json(cell, row.format));
    const char* kind = row.kind == StageRow::Kind::group    ? "group"
                       : row.kind == StageRow::Kind::detail ? "part"
                                                            : "total";
    rows.push(json_object(
        {{"kind", kind}, {"name", clean_name(row.name)}, {"is_untrained", row.is_untrained}}));
    rows.items().back().set("cells", std::move(cells));
  }
  Json json = json_object({{"has_conduct", has_conduct}});
  json.set("columns", std::move(columns));
  json.set("rows", std::move(rows));
  return json;
}

Json reply_json(const StageReport& stage, size_t index, const SampleReply& reply) {
  const bool is_clear = reply.verdict == "right" || reply.verdict == "wrong";
  return json_object({{"stage", clean_name(stage.name)},
                      {"color", stage_color(index)},
                      {"style", is_clear ? reply.verdict : "unclear"},
                      {"verdict", clean_name(shown_verdict(reply))},
                      {"thinking", shown_text(reply.thinking, kTextBytes)},
                      {"answer", shown_text(reply.answer, kTextBytes)}});
}

// What the model of each stage answered to the same questions.
Json questions_json(const std::vector<StageReport>& stages) {
  struct Question {
    const SampleReply* first;
    size_t last_stage;
  };
  std::vector<Question> asked;
  Json questions = Json::array();
  for (size_t i = 0; i < stages.size(); ++i)
    for (const SampleReply& reply : stages[i].samples) {
      const auto found = std::ranges::find_if(asked, [&](const Question& question) {
        return question.first->question == reply.question && question.first->family == reply.family;
      });
      const auto at = size_t(found - asked.begin());
      if (found == asked.end()) {
        if (asked.size() == kQuestionsMax) continue;
        asked.push_back({&reply, i});
        questions.push(json_object({{"family", clean_name(reply.family)},
                                    {"question", shown_text(reply.question, kTextBytes)},
                                    {"gold", shown_text(reply.gold, kGoldBytes)},
                                    {"replies", Json::array()}}));
      } else if (found->last_stage == i) {
        continue;  // one reply per stage; more would not stand side by side
      }
      asked[at].last_stage = i;
      questions.items()[at].members().back().second.push(reply_json(stages[i], i, reply));
    }
  return questions;
}

Json settings_json(const R1ReportInput& input) {
  Json settings = Json::array();
  for (const StageReport& stage : input.stages)
    if (stage.settings.size() > 0)
      settings.push(json_object({{"name", "manifest of " + clean_name(stage.name)},
                                 {"text", shown_text(stage.settings.dump(2), kSettingsBytes)}}));
  if (!input.recipe_yaml.empty())
    settings.push(json_object({{"name", "the recipe, every key with its value"},
                               {"text", shown_text(input.recipe_yaml, kSettingsBytes)}}));
  return settings;
}

std::string subtitle_of(const std::vector<StageReport>& stages) {
  std::string names;
  for (const StageReport& stage : stages)
    names += (names.empty() ? "" : " → ") + clean_name(stage.name);
  return names.empty() ? "reasoning, learned with weir" : names;
}

Json sentence_of(const R1ReportInput& input, const std::string& stage) {
  for (const auto& [name, sentence] : input.sentences)
    if (name == stage) return shown_text(sentence, kSentenceBytes);
  return {};
}

}  // namespace

Json r1_report_json(const R1ReportInput& input) {
  const std::vector<StageReport>& stages = input.stages;
  Json report = json_object({{"kind", "r1"},
                             {"title", clean_name(input.title)},
                             {"subtitle", subtitle_of(stages)},
                             {"none", "No stage has been finished yet."}});
  if (!input.conclusion.empty()) {
    report.set("conclusion", json_object({{"text", shown_text(input.conclusion, kSentenceBytes)},
                                          {"is_finished", input.is_finished}}));
    if (!input.talk.empty())
      report.members().back().second.set("talk", shown_text(input.talk, kSentenceBytes));
  }
  report.set("numbers", Headline(stages).numbers(stages));
  report.set("table", table_json(make_stage_table(stages)));
  report.set("levels", load_levels_json());
  Json all = Json::array(), facts = Json::array();
  std::vector<size_t> load_shape;
  for (size_t i = 0; i < stages.size(); ++i) {
    all.push(stage_json(stages[i], i, stages.size(), load_shape));
    all.items().back().set("sentence", sentence_of(input, stages[i].name));
  }
  report.set("stages", std::move(all));
  report.set("questions", questions_json(stages));
  for (const auto& [name, text] : input.facts)
    facts.push(
        json_object({{"name", clean_name(name)}, {"text", shown_text(text, kSentenceBytes)}}));
  report.set("facts", std::move(facts));
  report.set("settings", settings_json(input));
  return report;
}

Result<void> write_r1_report(const std::string& path, const R1ReportInput& input) {
  return write_file_atomic(path, page_html(r1_report_json(input)));
}

}  // namespace weir
