// Products of rounded left rows with quantized weights: a single row meets the blocks as they are
// stored, several meet a group of rows spread out in the caches. Written over rounded_tile-inl.h.
#pragma once
#include <cstddef>
#include <cstdint>

#include "kernels/dense/operands-inl.h"
#include "kernels/dense/ranges-inl.h"
#include "kernels/kernels.h"
#include "kernels/quant/rounded_tile-inl.h"

namespace weir {
namespace {

inline RoundedRow rounded_row(const BlockGemm& g, int m) {
  const int source = g.left_rows ? g.left_rows[m] : m;
  return {static_cast<const uint8_t*>(g.rounded) + size_t(source) * g.rounded_row, g.inner};
}

// Part of a product: left rows and weight rows, the latter `stride` bytes apart from `right` on.
struct RoundedPart {
  Range rows, columns;
  const uint8_t* right;
  size_t stride, ahead;
};

template <class F, class Row, int R, int C>
void multiply_rounded(const BlockGemm& g, const RoundedPart& part) {
  RoundedTile<F, Row, R, C> tile;
  for (int r = 0; r < R; ++r) tile.left[r] = rounded_row(g, part.rows.begin + r);
  for (int c = 0; c < C; ++c) tile.right[c] = Row(part.right + size_t(c) * part.stride, g.inner);
  tile.run(g.inner, part.ahead);
  for (int r = 0; r < R; ++r)
    for (int c = 0; c < C; ++c)
      put(g, part.rows.begin + r, part.columns.begin + c, sum_of(tile.sum[r][c]));
}

// All columns of a part, kRoundedColumns at a time; part.rows.count is at most R.
template <class F, class Row, int R>
void multiply_rounded_rows(const BlockGemm& g, RoundedPart part) {
  if constexpr (R > 1)
    if (part.rows.count < R) return multiply_rounded_rows<F, Row, R - 1>(g, part);
  const int end = part.columns.begin + part.columns.count;
  for (; part.columns.begin + kRoundedColumns <= end; part.columns.begin += kRoundedColumns) {
    multiply_rounded<F, Row, R, kRoundedColumns>(g, part);
    part.right += kRoundedColumns * part.stride;
  }
  if constexpr (kRoundedColumns > 1)
    if (part.columns.begin < end) multiply_rounded<F, Row, R, 1>(g, part);
}

template <class F>
void spread_and_multiply(const BlockGemm& g, int columns) {
  uint8_t* spread = reinterpret_cast<uint8_t*>(g.scratch);
  const size_t stride = SpreadRow<F>::bytes(g.inner);
  const Split groups(g.cols, columns), tiles(g.rows, kRoundedRows);
  for (int i = 0; i < groups.parts; ++i) {
    for (int c = 0; c < groups[i].count; ++c)
      SpreadRow<F>::spread(stored_row(g, groups[i].begin + c), g.inner,
                           spread + size_t(c) * stride);
    for (int t = 0; t < tiles.parts; ++t)
      multiply_rounded_rows<F, SpreadRow<F>, kRoundedRows>(
          g, {tiles[t], groups[i], spread, stride, 0});
  }
}

template <class F>
void rounded_gemm_of(const BlockGemm& g) {
  if constexpr (kRoundedRows > 1) {
    constexpr int kColumns = 24;  // weight rows of a group: a few dozen KiB at usual lengths
    const size_t room = kGemmScratch * sizeof(float) / SpreadRow<F>::bytes(g.inner);
    if (g.rows > 1 && room > 0)
      return spread_and_multiply<F>(g, int(room < kColumns ? room : kColumns));
  }
  for (int m = 0; m < g.rows; ++m)
    multiply_rounded_rows<F, StoredRow<F>, 1>(
        g, {{m, 1}, {0, g.cols}, stored_row(g, 0), g.weight_row, kRoundedColumns * g.weight_row});
}

void rounded_gemm(const BlockGemm& g) {
  visit_quantized(g.type, [&](auto format) { rounded_gemm_of<decltype(format)>(g); });
}

}  // namespace
}  // namespace weir
