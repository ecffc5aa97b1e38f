// Integer products of quantized activation rows with quantized weights: a single activation row
// reads the blocks as they are stored, several read a group of weight rows unpacked in the caches.
// Written over integer_tile-inl.h.
#pragma once
#include <cstddef>
#include <cstdint>

#include "kernels/dense/operands-inl.h"
#include "kernels/dense/ranges-inl.h"
#include "kernels/kernels.h"
#include "kernels/quant/integer_tile-inl.h"

namespace weir {
namespace {

inline QuantizedRow quantized_row(const BlockGemm& g, int m) {
  const int source = g.left_rows ? g.left_rows[m] : m;
  return {static_cast<const uint8_t*>(g.quantized) + size_t(source) * g.quantized_row, g.inner};
}

// Part of a product: activation rows and weight rows, the latter `stride` bytes apart from `right`
// on.
struct IntegerPart {
  Range rows, columns;
  const uint8_t* right;
  size_t stride, ahead;
};

template <class F, class Row, int R, int C>
void multiply_integers(const BlockGemm& g, const IntegerPart& part) {
  IntegerTile<F, Row, R, C> tile;
  for (int r = 0; r < R; ++r) tile.left[r] = quantized_row(g, part.rows.begin + r);
  for (int c = 0; c < C; ++c) tile.right[c] = Row(part.right + size_t(c) * part.stride, g.inner);
  tile.run(g.inner, part.ahead);
  for (int r = 0; r < R; ++r)
    for (int c = 0; c < C; ++c)
      put(g, part.rows.begin + r, part.columns.begin + c, sum_of(tile.sum[r][c]));
}

// All columns of a part, kIntegerColumns at a time; part.rows.count is at most R.
template <class F, class Row, int R>
void multiply_integer_rows(const BlockGemm& g, IntegerPart part) {
  if constexpr (R > 1)
    if (part.rows.count < R) return multiply_integer_rows<F, Row, R - 1>(g, part);
  const int end = part.columns.begin + part.columns.count;
  for (; part.columns.begin + kIntegerColumns <= end; part.columns.begin += kIntegerColumns) {
    multiply_integers<F, Row, R, kIntegerColumns>(g, part);
    part.right += kIntegerColumns * part.stride;
  }
  if constexpr (kIntegerColumns > 1)
    if (part.columns.begin < end) multiply_integers<F, Row, R, 1>(g, part);
}

template <class F>
void spread_and_multiply(const BlockGemm& g, int columns) {
  uint8_t* spread = reinterpret_cast<uint8_t*>(g.scratch);
  const size_t stride = SpreadRow<F>::bytes(g.inner);
  const Split groups(g.cols, columns), tiles(g.rows, kIntegerRows);
  for (int i = 0; i < groups.parts; ++i) {
    for (int c = 0; c < groups[i].count; ++c)
      SpreadRow<F>::spread(stored_row(g, groups[i].begin + c), g.inner,
                           spread + size_t(c) * stride);
    for (int t = 0; t < tiles.parts; ++t)
      multiply_integer_rows<F, SpreadRow<F>, kIntegerRows>(
          g, {tiles[t], groups[i], spread, stride, 0});
  }
}

template <class F>
void integer_gemm_of(const BlockGemm& g) {
  if constexpr (kIntegerRows > 1) {
    constexpr int kColumns = 24;  // weight rows of a group: a few dozen KiB at usual lengths
    const size_t room = kGemmScratch * sizeof(float) / SpreadRow<F>::bytes(g.inner);
    if (g.rows > 1 && room > 0)
      return spread_and_multiply<F>(g, int(room < kColumns ? room : kColumns));
  }
  for (int m = 0; m < g.rows; ++m)
    multiply_integer_rows<F, StoredRow<F>, 1>(
        g, {{m, 1}, {0, g.cols}, stored_row(g, 0), g.weight_row, kIntegerColumns * g.weight_row});
}

void integer_gemm(const BlockGemm& g) {
  visit_quantized(g.type, [&](auto format) { integer_gemm_of<decltype(format)>(g); });
}

}  // namespace
}  // namespace weir
