#include "engine/pass_cost.h"

#include <algorithm>
#include <cmath>

namespace weir {
namespace {

// The share of a deviation, in logarithms, that the common scale takes over at once, and the
// largest that counts: a single slow pass should not matter.
constexpr double kScaleGain = 0.5, kDeviationMax = 2;
// Cost of one more row, as a part of the pass, where nothing was measured.
constexpr double kGuess = 0.04;

}  // namespace

int PassCost::clamp(int rows) { return std::clamp(rows, 1, kRowsMax); }

void PassCost::observe(int rows, double seconds) {
  if (!(seconds > 0)) return;
  rows = clamp(rows);
  if (scale_ == 0) scale_ = seconds;
  if (size_t(rows) >= entries_.size()) entries_.resize(size_t(rows) + 1);
  Entry& entry = entries_[size_t(rows)];
  if (entry.count > 0) {
    const double deviation = seconds / (scale_ * entry.median);
    scale_ *= std::pow(std::clamp(deviation, 1 / kDeviationMax, kDeviationMax), kScaleGain);
  }
  entry.relative[size_t(entry.count++ % kKept)] = seconds / scale_;
  const int kept = std::min(entry.count, kKept);
  std::array<double, kKept> sorted = entry.relative;
  std::sort(sorted.begin(), sorted.begin() + kept);
  entry.median = sorted[size_t((kept - 1) / 2)];
  ++passes_;
}

bool PassCost::is_known(int rows) const {
  rows = clamp(rows);
  for (int r = rows - rows / 4; r <= rows + rows / 4; ++r)
    if (observed(r) && entries_[size_t(r)].count > 1) return true;
  return false;
}

double PassCost::seconds(int rows) const {
  rows = clamp(rows);
  int below = rows, above = rows;
  while (below > 0 && !observed(below)) --below;
  while (above < int(entries_.size()) && !observed(above)) ++above;
  const bool has_above = observed(above);
  if (below == 0 && !has_above) return 0;
  const auto at = [&](int r) { return scale_ * entries_[size_t(r)].median; };
  if (below == rows) return at(rows);
  if (below == 0) return at(above) / (1 + kGuess * (above - rows));
  if (!has_above) return at(below) * (1 + kGuess * (rows - below));
  return at(below) + (at(above) - at(below)) * double(rows - below) / double(above - below);
}

}  // namespace weir
