#include "report/report_table.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <functional>
#include <optional>
#include <set>

namespace weir {

bool is_reasoning(const std::string& family) {
  return family != kFactsFamily && family != kComposedFamily && family != kHarmfulFamily &&
         family != kBenignFamily && family != kInstructionsFamily;
}

namespace {

enum class Better { higher, lower, neither };

// A tie of all is no distinction.
void mark_best(std::vector<StageCell>& cells, Better better) {
  if (better == Better::neither) return;
  double best = 0, worst = 0;
  bool any = false;
  for (const StageCell& cell : cells) {
    if (!cell.has_value) continue;
    const double merit = better == Better::higher ? cell.value : -cell.value;
    best = any ? std::max(best, merit) : merit;
    worst = any ? std::min(worst, merit) : merit;
    any = true;
  }
  if (!any || best == worst) return;
  for (StageCell& cell : cells)
    cell.is_best = cell.has_value && (better == Better::higher ? cell.value : -cell.value) == best;
}

class TableBuilder {
 public:
  explicit TableBuilder(const std::vector<StageReport>& stages) {
    for (size_t i = 0; i < stages.size(); ++i) {
      if (stages[i].scores.empty()) continue;
      table_.columns.push_back({stages[i].name, stages[i].kind, int(i % 6)});
      evaluated_.push_back(&stages[i]);
    }
  }

  StageTable build() {
    std::vector<std::string> families;
    for (const StageReport* stage : evaluated_)
      for (const FamilyScore& score : stage->scores)
        if (std::ranges::find(families, score.family) == families.end())
          families.push_back(score.family);
    const auto reasons = std::ranges::count_if(families, is_reasoning);
    if (reasons > 0) group("Reasoning: right answers to held-out problems, %");
    for (const std::string& family : families)
      if (is_reasoning(family)) add_family(family, family);
    if (reasons > 0) add_reasoning_totals(reasons > 1);
    add_general(families);
    add_form();
    return std::move(table_);
  }

 private:
  using Cell = std::function<StageCell(const StageReport&)>;

  void group(const std::string& name) {
    table_.rows.push_back({.kind = StageRow::Kind::group, .name = name});
  }

  // Left out when no stage has a value.
  void add(StageRow row, Better better, const Cell& cell) {
    for (const StageReport* stage : evaluated_) row.cells.push_back(cell(*stage));
    if (std::ranges::none_of(row.cells, &StageCell::has_value)) return;
    mark_best(row.cells, better);
    table_.rows.push_back(std::move(row));
  }

  static StageCell share_of(const FamilyScore& score) {
    return {score.replies() > 0, true, false, score.accuracy(), score_interval(score)};
  }

  void add_family(const std::string& family, const std::string& name) {
    std::set<int> difficulties, trained;
    for (const StageReport* stage : evaluated_)
      for (const FamilyScore& score : stage->scores)
        if (score.family == family) {
          difficulties.insert(score.difficulty);
          if (score.is_trained) trained.insert(score.difficulty);
        }
    StageRow total{.name = name, .is_untrained = trained.empty()};
    add(total, Better::higher,
        [&](const StageReport& stage) { return share_of(total_score(stage.scores, family)); });
    add_chance(family, "random search, as many trials", {});
    add_pass_row(family);
    if (difficulties.size() < 2) return;
    for (int difficulty : difficulties) {
      StageRow row{.kind = StageRow::Kind::detail,
                   .name = fmt::format("difficulty {}", difficulty)};
      row.is_untrained = !trained.contains(difficulty);
      add(row, Better::higher, [&](const StageReport& stage) {
        std::vector<FamilyScore> rows = stage.scores;
        std::erase_if(rows, [&](const FamilyScore& s) { return s.difficulty != difficulty; });
        return share_of(total_score(rows, family));
      });
      add_chance(family, fmt::format("difficulty {}, random search", difficulty), difficulty);
    }
  }

  // What chance alone finds of the same problems, where they are searched.
  void add_chance(const std::string& family, const std::string& name,
                  std::optional<int> difficulty) {
    add({.kind = StageRow::Kind::detail, .name = name}, Better::neither,
        [&](const StageReport& stage) {
          std::vector<FamilyScore> rows = stage.scores;
          if (difficulty)
            std::erase_if(rows, [&](const FamilyScore& s) { return s.difficulty != *difficulty; });
          const double chance = total_score(rows, family).chance;
          return StageCell{.has_value = chance >= 0, .value = chance};
        });
  }

  static StageCell gain_cell(const StageReport& stage, const StageReport& other) {
    const FamilyScore score = total_score(reasoning_scores(stage.scores), "");
    const FamilyScore least = total_score(reasoning_scores(other.scores), "");
    if (score.replies() == 0 || least.replies() == 0) return {};
    const Gain gain = gain_over(score, least);
    return {true, true, false, gain.value, gain.interval};
  }

  // Over the first stage, and of each stage with a control over that.
  void add_gains() {
    if (evaluated_.size() < 2) return;
    const StageReport& first = *evaluated_.front();
    add({.name = fmt::format("points over {}", first.name), .format = CellFormat::points},
        Better::neither, [&](const StageReport& stage) {
          return &stage == &first ? StageCell{} : gain_cell(stage, first);
        });
    for (const StageReport* control : evaluated_) {
      const std::string equal = equal_cost_of(*control);
      if (equal.empty()) continue;
      add({.name = fmt::format("points over {} (equal cost)", control->name),
           .format = CellFormat::points},
          Better::neither, [&](const StageReport& stage) {
            return stage.name == equal ? gain_cell(stage, *control) : StageCell{};
          });
    }
  }

  // Where the recipe chose a k.
  void add_pass_row(const std::string& family) {
    int k = 0;
    for (const StageReport* stage : evaluated_)
      k = std::max(k, total_score(stage->scores, family).k);
    if (k < 2) return;
    add({.kind = StageRow::Kind::detail, .name = fmt::format("pass@{}", k)}, Better::higher,
        [&](const StageReport& stage) { return pass_cell(total_score(stage.scores, family)); });
  }

  static StageCell pass_cell(const FamilyScore& score) {
    const double problems = double(score.problems);
    return {problems > 0, true, false, score.pass_at_k,
            wilson_interval(score.pass_at_k * problems, problems)};
  }

  void add_reasoning_totals(bool has_many) {
    int samples = 1;
    bool untrained = false;
    for (const StageReport* stage : evaluated_)
      for (const FamilyScore& score : reasoning_scores(stage->scores)) {
        samples = std::max(samples, score.k > 0 ? score.k : score.samples);
        untrained |= !score.is_trained;
      }
    const char* name = has_many ? "all families, pass@1" : "pass@1";
    if (has_many || samples > 1)
      add({.name = name}, Better::higher, [](const StageReport& stage) {
        return share_of(total_score(reasoning_scores(stage.scores), ""));
      });
    if (samples > 1)
      add({.name = fmt::format("{}pass@{}", has_many ? "all families, " : "", samples)},
          Better::higher, [](const StageReport& stage) {
            return pass_cell(total_score(reasoning_scores(stage.scores), ""));
          });
    if (untrained) add_by_training();
    add_gains();
  }

  void add_by_training() {
    add({.kind = StageRow::Kind::detail, .name = "difficulties trained on"}, Better::higher,
        [](const StageReport& stage) {
          return share_of(total_score(reasoning_scores(stage.scores), "", true));
        });
    add({.kind = StageRow::Kind::detail, .name = "difficulties beyond", .is_untrained = true},
        Better::higher, [](const StageReport& stage) {
          return share_of(total_score(untrained_scores(reasoning_scores(stage.scores)), ""));
        });
  }

  void add_general(const std::vector<std::string>& families) {
    std::vector<std::string> texts;
    for (const StageReport* stage : evaluated_)
      for (const TextScore& text : stage->texts)
        if (std::ranges::find(texts, text.name) == texts.end()) texts.push_back(text.name);
    if (std::ranges::all_of(families, is_reasoning) && texts.empty()) return;
    group(texts.empty() ? "General, %" : "General, %; perplexity of texts");
    add_family(kInstructionsFamily, "instructions followed");
    add_texts(texts);
    add_family(kFactsFamily, kFactsRow);
    add_family(kComposedFamily, kComposedRow);
    add_family(kHarmfulFamily, kHarmfulRow);
    add({.name = kBenignRow}, Better::lower, [](const StageReport& stage) {
      StageCell cell = share_of(total_score(stage.scores, kBenignFamily));
      cell.value = 1 - cell.value;
      cell.interval = {1 - cell.interval.high, 1 - cell.interval.low};
      return cell;
    });
  }

  void add_texts(const std::vector<std::string>& texts) {
    for (const std::string& name : texts)
      add({.name = "perplexity of " + name, .format = CellFormat::perplexity}, Better::lower,
          [&](const StageReport& stage) {
            for (const TextScore& text : stage.texts)
              if (text.name == name) return StageCell{.has_value = true, .value = text.perplexity};
            return StageCell{};
          });
  }

  void add_form() {
    group("Form and cost");
    add({.name = "well-formed replies, %"}, Better::higher, [](const StageReport& stage) {
      FamilyScore all = total_score(stage.scores, "");
      all.wrong = all.replies() - all.well_formed;
      all.unparseable = all.truncated = 0;
      all.right = all.well_formed;
      return share_of(all);
    });
    add({.name = "thinking in the right language, %"}, Better::higher,
        [](const StageReport& stage) {
          const FamilyScore thought = thinking_score(stage.scores);
          return StageCell{.has_value = thought.replies() > 0, .value = thought.language};
        });
    add({.name = "thinking, tokens", .format = CellFormat::tokens}, Better::neither,
        [](const StageReport& stage) {
          const FamilyScore thought = thinking_score(stage.scores);
          return StageCell{.has_value = thought.replies() > 0, .value = thought.thinking_tokens};
        });
    add({.name = "core-minutes of the stage", .format = CellFormat::minutes}, Better::neither,
        [](const StageReport& stage) {
          return StageCell{.has_value = stage.core_seconds > 0, .value = stage.core_seconds / 60};
        });
  }

  std::vector<const StageReport*> evaluated_;
  StageTable table_;
};

}  // namespace

std::vector<FamilyScore> reasoning_scores(const std::vector<FamilyScore>& scores) {
  std::vector<FamilyScore> rows;
  for (const FamilyScore& score : scores)
    if (is_reasoning(score.family)) rows.push_back(score);
  return rows;
}

std::vector<FamilyScore> untrained_scores(const std::vector<FamilyScore>& scores) {
  std::vector<FamilyScore> rows;
  for (const FamilyScore& score : scores)
    if (!score.is_trained) rows.push_back(score);
  return rows;
}

FamilyScore held_out_score(const std::vector<FamilyScore>& scores, bool trained_only) {
  const std::vector<FamilyScore> reasoning = reasoning_scores(scores);
  return total_score(reasoning.empty() ? scores : reasoning, "", trained_only);
}

FamilyScore thinking_score(const std::vector<FamilyScore>& scores) {
  return held_out_score(scores);
}

Interval score_interval(const FamilyScore& score) {
  return wilson_interval(score.accuracy() * double(score.problems), double(score.problems));
}

std::string equal_cost_of(const StageReport& stage) {
  const Json* settings = stage.settings.find("settings");
  const Json* equal = settings ? settings->find("equal_cost") : nullptr;
  return equal && equal->is_string() ? equal->text() : "";
}

const StageReport* control_of(const std::vector<StageReport>& stages, const std::string& stage) {
  for (const StageReport& control : stages)
    if (equal_cost_of(control) == stage && !control.scores.empty()) return &control;
  return nullptr;
}

Gain gain_over(const FamilyScore& score, const FamilyScore& other) {
  const double high = score.accuracy(), low = other.accuracy();
  const Interval above = score_interval(score), below = score_interval(other);
  return {high - low,
          {high - low - std::hypot(high - above.low, below.high - low),
           high - low + std::hypot(above.high - high, low - below.low)}};
}

StageTable make_stage_table(const std::vector<StageReport>& stages) {
  TableBuilder builder(stages);
  StageTable table = builder.build();
  if (table.columns.empty()) table.rows.clear();
  return table;
}

std::string cell_text(double value, CellFormat format) {
  switch (format) {
    case CellFormat::share:
      return fmt::format("{:.1f}", 100 * value);
    case CellFormat::tokens:
      return fmt::format("{:.0f}", value);
    case CellFormat::perplexity:
      return fmt::format("{:.2f}", value);
    case CellFormat::minutes:
      return fmt::format("{:.{}f}", value, value < 100 ? 1 : 0);
    case CellFormat::points:
      return fmt::format("{:+.1f}", 100 * value);
  }
  return "";
}

std::string interval_text(const Interval& interval, CellFormat format, const char* between) {
  const double low = 100 * interval.low, high = 100 * interval.high;
  if (format == CellFormat::points) return fmt::format("{:+.0f}{}{:+.0f}", low, between, high);
  return fmt::format("{:.0f}{}{:.0f}", low, between, high);
}

}  // namespace weir
