// Confidence intervals of shares.
#pragma once

namespace weir {

struct Interval {
  double low = 0, high = 1;
};

// 95 % interval of a share `right` of `count` independent trials (Wilson 1927); [0, 1] of none.
Interval wilson_interval(double right, double count);

}  // namespace weir
