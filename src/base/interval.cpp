#include "base/interval.h"

#include <algorithm>
#include <cmath>

namespace weir {

Interval wilson_interval(double right, double count) {
  if (!(count > 0) || !std::isfinite(count) || !std::isfinite(right)) return {};
  constexpr double z = 1.959963984540054;  // 97.5 % quantile of the normal distribution
  const double share = std::clamp(right / count, 0.0, 1.0);
  const double scale = 1 / (1 + z * z / count);
  const double middle = scale * (share + z * z / (2 * count));
  const double half =
      scale * z * std::sqrt(share * (1 - share) / count + z * z / (4 * count * count));
  // At the ends the formula gives 0 and 1 up to rounding.
  return {share == 0 ? 0 : std::max(0.0, middle - half),
          share == 1 ? 1 : std::min(1.0, middle + half)};
}

}  // namespace weir
