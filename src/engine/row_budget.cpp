#include "engine/row_budget.h"

#include <algorithm>

namespace weir {

RowBudget::RowBudget(int rows_max, double seconds) : rows_max_(rows_max) {
  const double rows = seconds > 0 ? std::min(rows_max, kRowsFirst) : rows_max;
  mixed_ = {seconds, rows};
  prompts_only_ = {2 * seconds, rows};
}

int RowBudget::rows(bool has_decode_rows) const {
  return int((has_decode_rows ? mixed_ : prompts_only_).rows);
}

// A pass of r rows takes a + b r. Then r * goal / (a + b r), again and again, approaches the r
// whose pass takes the goal. One slow pass of a busy machine halves the rows at most.
void RowBudget::measure(int prompt_rows, bool has_decode_rows, double seconds) {
  Limit& limit = has_decode_rows ? mixed_ : prompts_only_;
  if (limit.seconds <= 0 || seconds <= 0) return;
  // A pass with few rows, because there were no more, says little unless it was too long.
  if (2 * prompt_rows < limit.rows && seconds <= limit.seconds) return;
  const double fitting = prompt_rows * limit.seconds / seconds;
  const double least = std::min(rows_max_, kRowsMin);
  limit.rows =
      std::clamp(std::clamp(fitting, limit.rows / 2, limit.rows * 2), least, double(rows_max_));
}

}  // namespace weir
