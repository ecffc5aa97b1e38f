#include "red_team/share.h"

#include <algorithm>
#include <cmath>

namespace weir {

ShareInterval share_interval(int64_t of, int64_t all) {
  if (all <= 0) return {};
  constexpr double z = 1.959963984540054;  // of 95 %
  const double n = double(all), p = double(of) / n, middle = p + z * z / (2 * n);
  const double spread = z * std::sqrt(p * (1 - p) / n + z * z / (4 * n * n)), whole = 1 + z * z / n;
  return {std::max(0.0, (middle - spread) / whole), std::min(1.0, (middle + spread) / whole)};
}

}  // namespace weir
