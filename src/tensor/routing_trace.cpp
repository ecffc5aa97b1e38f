#include "tensor/routing_trace.h"

#include <algorithm>

namespace weir {

void RoutingTrace::clear() {
  rows_ = 0;
  experts_.clear();
}

void RoutingTrace::append(int rows, std::span<const uint16_t> experts) {
  CHECK_LE(experts.size(), size_t(rows) * row_size());
  CHECK(experts.empty() || experts.size() % row_size() == 0);
  experts_.insert(experts_.end(), experts.begin(), experts.end());
  rows_ += rows;
  experts_.resize(size_t(rows_) * row_size(), kFree);
}

RoutingDifference compare(const RoutingTrace& kept, const RoutingTrace& own) {
  CHECK_EQ(kept.rows(), own.rows());
  CHECK_EQ(kept.layers(), own.layers());
  CHECK_EQ(kept.per_token(), own.per_token());
  RoutingDifference difference;
  for (int row = 0; row < kept.rows(); ++row)
    for (int layer = 0; layer < kept.layers(); ++layer) {
      if (kept.is_free(row, layer) || own.is_free(row, layer)) continue;
      const uint16_t* experts = kept.at(row, layer);
      ++difference.compared;
      difference.moved +=
          !std::is_permutation(experts, experts + kept.per_token(), own.at(row, layer));
    }
  return difference;
}

}  // namespace weir
