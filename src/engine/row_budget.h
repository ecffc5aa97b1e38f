// How many prompt rows a pass may have, so that it takes about as long as it should: tokens of
// running sequences come once a pass, and a new prompt waits for the end of the pass before its
// first. Decided by how long earlier passes took; what is computed does not depend on it.
#pragma once

namespace weir {

class RowBudget {
 public:
  // Never more than `rows_max`, nor fewer than kRowsMin of them; kRowsFirst of the first pass.
  // `seconds`: of a pass with decode rows; one without may take twice as long. 0: always
  // `rows_max`.
  RowBudget(int rows_max, double seconds);
  static constexpr int kRowsMin = 16, kRowsFirst = 32;

  int rows(bool has_decode_rows) const;
  // A pass with this many prompt rows has taken `seconds`.
  void measure(int prompt_rows, bool has_decode_rows, double seconds);

 private:
  struct Limit {
    double seconds = 0, rows = 0;
  };
  int rows_max_;
  Limit mixed_, prompts_only_;
};

}  // namespace weir
