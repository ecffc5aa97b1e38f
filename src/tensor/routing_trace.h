// Which experts the gates chose for the rows of a pass. Generation records them; training can keep
// to them, because a choice that differs by one rounding step between the two would make the
// gradient that of another policy (DeepSeek-V3.2, section 3.1, "Keep Routing").
#pragma once
#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "base/check.h"

namespace weir {

// [row][layer][per_token] expert numbers, in slot order. Layers are the gates in order of the
// forward pass, counted without the dense blocks; a dense model has none, and rows of no numbers.
class RoutingTrace {
 public:
  // In place of the first expert: nothing is recorded for this row and layer.
  static constexpr uint16_t kFree = 0xffff;

  RoutingTrace() = default;
  RoutingTrace(int layers, int per_token) : layers_(layers), per_token_(per_token) {}

  int rows() const { return rows_; }
  int layers() const { return layers_; }
  int per_token() const { return per_token_; }
  size_t row_size() const { return size_t(layers_) * size_t(per_token_); }

  void clear();
  // `rows` more rows: those of `experts` (whole rows, at most as many), then rows without a record.
  void append(int rows, std::span<const uint16_t> experts = {});

  const uint16_t* at(int row, int layer) const { return experts_.data() + index(row, layer); }
  uint16_t* at(int row, int layer) { return experts_.data() + index(row, layer); }
  bool is_free(int row, int layer) const { return *at(row, layer) == kFree; }
  std::span<const uint16_t> row(int row) const {
    return std::span(experts_).subspan(size_t(row) * row_size(), row_size());
  }

 private:
  size_t index(int row, int layer) const {
    return (size_t(row) * size_t(layers_) + size_t(layer)) * size_t(per_token_);
  }

  int layers_ = 0, per_token_ = 0, rows_ = 0;
  std::vector<uint16_t> experts_;
};

// What a pass does with traces. Both have the rows of the batch and outlive the tape. Gates after
// the last layer of a trace (multi-token prediction modules) choose freely and are not recorded.
struct RoutingUse {
  // Experts to use instead of choosing; rows without a record choose. Null: every row chooses.
  const RoutingTrace* kept = nullptr;
  // Where gates write what they choose by their own scores, whether or not it is used. Null:
  // nowhere.
  RoutingTrace* own = nullptr;
};

// How many pairs of a row and a layer have other experts in `own` than in `kept`, of those that
// both have recorded. The order of the experts does not count.
struct RoutingDifference {
  int64_t moved = 0, compared = 0;
};
RoutingDifference compare(const RoutingTrace& kept, const RoutingTrace& own);

}  // namespace weir
