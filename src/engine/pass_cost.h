// What a pass costs by its number of rows, measured while the engine works: a step of the weights'
// reading, of the register blocks or of the experts that more rows touch shows by itself.
#pragma once
#include <array>
#include <cstddef>
#include <vector>

namespace weir {

class PassCost {
 public:
  // A pass of `rows` rows took so long. Rows beyond kRowsMax count as so many.
  void observe(int rows, double seconds);
  // Of a pass, in seconds now: the median of the last passes of so many rows, times how fast passes
  // of any number are at present (deeper sequences and other programs slow all of them). Between
  // numbers of rows that were observed it is interpolated; beyond, a guess low enough that
  // somebody tries.
  double seconds(int rows) const;
  // Whether passes of nearly so many rows were observed, at least two, so that the slower of them
  // does not count.
  bool is_known(int rows) const;
  int passes() const { return passes_; }

  static constexpr int kRowsMax = 1024;  // rollouts draw for hundreds of sequences

 private:
  static constexpr int kKept = 5;
  struct Entry {
    std::array<double, kKept> relative = {};  // seconds / scale
    int count = 0;
    double median = 0;
  };
  static int clamp(int rows);
  bool observed(int rows) const {
    return rows < int(entries_.size()) && entries_[size_t(rows)].count > 0;
  }

  double scale_ = 0;  // seconds of a pass of relative cost 1
  int passes_ = 0;
  std::vector<Entry> entries_;  // [rows]
};

}  // namespace weir
