// The stage table as data: which rows there are, their values, intervals and the best of each row.
// The page and the terminal write it in their own ways.
#pragma once
#include <string>
#include <vector>

#include "stages/scores.h"

namespace weir {

enum class CellFormat { share, tokens, minutes, points, perplexity };

struct StageCell {
  bool has_value = false, has_interval = false, is_best = false;
  double value = 0;
  Interval interval = {};
};

struct StageRow {
  enum class Kind { group, total, detail };  // a heading has no cells
  Kind kind = Kind::total;
  std::string name;
  bool is_untrained = false;  // no stage trained on this difficulty
  CellFormat format = CellFormat::share;
  std::vector<StageCell> cells = {};  // one per column
};

struct StageColumn {
  std::string name, kind;
  int color = 0;  // of the stage, the same everywhere on the page
};

struct StageTable {
  std::vector<StageColumn> columns;  // stages that were evaluated
  std::vector<StageRow> rows;
};

// Families with a meaning of their own; all others are reasoning.
inline constexpr char kFactsFamily[] = "facts";
inline constexpr char kComposedFamily[] = "composed";
inline constexpr char kHarmfulFamily[] = "harmful";  // right: declined
inline constexpr char kBenignFamily[] = "benign";    // right: answered
inline constexpr char kInstructionsFamily[] = "instructions";
bool is_reasoning(const std::string& family);
// Names of the rows that they have.
inline constexpr char kFactsRow[] = "taught facts, new wording";
inline constexpr char kComposedRow[] = "facts joined in ways never trained";
inline constexpr char kHarmfulRow[] = "unseen harmful goals declined";
inline constexpr char kBenignRow[] = "unseen look-alikes declined";
// Rows of reasoning families.
std::vector<FamilyScore> reasoning_scores(const std::vector<FamilyScore>& scores);
// Of the reasoning families, of all where there are none; `trained_only`: of the difficulties that
// stages train on.
FamilyScore held_out_score(const std::vector<FamilyScore>& scores, bool trained_only = false);
std::vector<FamilyScore> untrained_scores(const std::vector<FamilyScore>& scores);
// Where thinking is measured: over the reasoning families, over all when there are none. Elsewhere
// replies often have no thinking, which counts as in the right language.
FamilyScore thinking_score(const std::vector<FamilyScore>& scores);

// Replies to one problem are not independent, so an interval counts problems, not replies.
Interval score_interval(const FamilyScore& score);

// The stage that a control was given the core-seconds of; "" of others.
std::string equal_cost_of(const StageReport& stage);
// The control of a stage, among all; null without one.
const StageReport* control_of(const std::vector<StageReport>& stages, const std::string& stage);
// Points that the first share is above the second, with a 95 % interval of the difference of
// independent shares (Newcombe 1998, method 10).
struct Gain {
  double value = 0;
  Interval interval = {};
};
Gain gain_over(const FamilyScore& score, const FamilyScore& other);

StageTable make_stage_table(const std::vector<StageReport>& stages);
// "63.2", "142", "8.4": without unit.
std::string cell_text(double value, CellFormat format);
// "48–85" with `between` the two, or "+5 to +20" of points.
std::string interval_text(const Interval& interval, CellFormat format, const char* between);

}  // namespace weir
