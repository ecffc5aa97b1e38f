// The few numbers that a reader should remember.
#include <fmt/format.h>

#include <algorithm>

#include "base/text.h"
#include "report/page.h"
#include "report/r1_page.h"
#include "report/report_table.h"

namespace weir {
namespace {

FamilyScore reasoning(const StageReport& stage) {
  return total_score(reasoning_scores(stage.scores), "");
}

// "12.5 → 94.0", or one value when there is one stage.
std::string from_to(double from, double to, bool is_one, CellFormat format) {
  const std::string end = cell_text(to, format);
  return is_one ? end : cell_text(from, format) + " → " + end;
}

std::string names(const StageReport& from, const StageReport& to) {
  if (&from == &to) return clean_name(from.name);
  return clean_name(from.name) + " → " + clean_name(to.name);
}

void add_reasoning(std::vector<Headline>& cards, const std::vector<const StageReport*>& stages) {
  std::vector<const StageReport*> reasoned;
  for (const StageReport* stage : stages)
    if (reasoning(*stage).replies() > 0) reasoned.push_back(stage);
  if (reasoned.empty()) return;
  const StageReport& base = *reasoned.front();
  const auto accuracy = [](const StageReport* stage) { return reasoning(*stage).accuracy(); };
  const StageReport& best = **std::ranges::max_element(reasoned, {}, accuracy);
  const bool is_one = &best == &base;
  cards.push_back({from_to(accuracy(&base), accuracy(&best), is_one, CellFormat::share), "%",
                   "Reasoning, right answers", names(base, best)});
  const FamilyScore before = total_score(untrained_scores(reasoning_scores(base.scores)), "");
  const FamilyScore after = total_score(untrained_scores(reasoning_scores(best.scores)), "");
  if (before.replies() > 0 && after.replies() > 0)
    cards.push_back({from_to(before.accuracy(), after.accuracy(), is_one, CellFormat::share), "%",
                     "Harder than trained on", names(base, best)});
  cards.push_back({from_to(reasoning(base).thinking_tokens, reasoning(best).thinking_tokens, is_one,
                           CellFormat::tokens),
                   "tokens", "Thinking", "mean per reasoning reply"});
}

void add_conduct(std::vector<Headline>& cards, const StageReport& base, const StageReport& last) {
  const bool is_one = &base == &last;
  cards.push_back({from_to(thinking_score(base.scores).language,
                           thinking_score(last.scores).language, is_one, CellFormat::share),
                   "%", "Thinking in the right language", names(base, last)});
  const FamilyScore harmful = total_score(last.scores, kHarmfulFamily);
  const FamilyScore benign = total_score(last.scores, kBenignFamily);
  if (harmful.replies() == 0) return;
  std::string value = cell_text(harmful.accuracy(), CellFormat::share), name = "Harmful declined";
  if (benign.replies() > 0) {
    value += " / " + cell_text(1 - benign.accuracy(), CellFormat::share);
    name += " / harmless declined";
  }
  cards.push_back({value, "%", name, clean_name(last.name)});
}

}  // namespace

std::string r1_headline_html(const std::vector<StageReport>& stages) {
  std::vector<const StageReport*> evaluated;
  double seconds = 0, core_seconds = 0;
  int64_t tokens = 0;
  for (const StageReport& stage : stages) {
    if (!stage.scores.empty()) evaluated.push_back(&stage);
    seconds += stage.wall_seconds();
    core_seconds += stage.core_seconds;
    tokens += stage.tokens;
  }
  std::vector<Headline> cards;
  add_reasoning(cards, evaluated);
  if (!evaluated.empty()) add_conduct(cards, *evaluated.front(), *evaluated.back());
  if (core_seconds > 0)
    cards.push_back({cell_text(core_seconds / 60, CellFormat::minutes), "core-minutes", "Cost",
                     fmt::format("of processor time; {} of wall clock, {} tokens trained on",
                                 format_seconds(seconds), format_count(double(tokens)))});
  if (cards.empty()) return "<p class=\"none\">No stage has been finished yet.</p>\n";
  return numbers_html(cards);
}

}  // namespace weir
