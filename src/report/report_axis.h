// A linear or logarithmic axis of a chart: its range, its ticks, and where a value lies on it.
#pragma once
#include <vector>

namespace weir {

struct Axis {
  double low = 0, high = 1;
  bool log = false;
  std::vector<double> ticks;

  double place(double value) const;  // 0 at low, 1 at high
};

// Covers [low, high] with some room; about `count` round ticks. A logarithmic axis needs low > 0.
Axis make_axis(double low, double high, bool log, bool from_zero, int count);

}  // namespace weir
