// The register tile of gemm: R rows times V groups of 16 columns, all sums in registers, one fused
// multiply-add per product in the order of k. Everything else in gemm only feeds it.
#pragma once
#include <cstddef>
#include <cstdint>

#include "kernels/kernels.h"

namespace weir {
namespace {

struct Tile {
  const float* left;         // packed: element (r, k) at left[k * R + r]
  const float* const* rows;  // not packed: element (r, k) at rows[r][k]
  const void* right;  // group v of k at (v / 2) * panel_stride + k * inner_stride + v % 2 * 16
  size_t panel_stride, inner_stride;
  int inner;
  float* out;
  size_t out_row;
  bool accumulate;
};

using TileFunction = void (*)(const Tile&);

template <int R, bool kPacked>
struct LeftRows {
  const float* row[R];
  explicit LeftRows(const Tile& t) {
    for (int r = 0; r < R; ++r) row[r] = t.rows[r];
  }
  Lanes at(int r, int k) const { return splat(row[r][k]); }
};
template <int R>
struct LeftRows<R, true> {
  const float* data;
  explicit LeftRows(const Tile& t) : data(t.left) {}
  Lanes at(int r, int k) const { return splat(data[size_t(k) * R + r]); }
};

template <int R, int V, bool kPacked, class Element>
void multiply_tile(const Tile& t) {
  Lanes sum[R][V];
#pragma GCC unroll 16
  for (int r = 0; r < R; ++r)
#pragma GCC unroll 16
    for (int v = 0; v < V; ++v)
      sum[r][v] = t.accumulate ? load(t.out + r * t.out_row + v * 16) : splat(0);

  const LeftRows<R, kPacked> left(t);
  const Element* right = static_cast<const Element*>(t.right);
  const size_t panel_stride = t.panel_stride, inner_stride = t.inner_stride;
  const int inner = t.inner;
#pragma GCC unroll 4
  for (int k = 0; k < inner; ++k) {
    if constexpr (R <= 4) {  // few rows, many groups: keep the left, stream the right
      Lanes x[R];
#pragma GCC unroll 16
      for (int r = 0; r < R; ++r) x[r] = left.at(r, k);
#pragma GCC unroll 16
      for (int v = 0; v < V; ++v) {
        Lanes w = load(right + v / 2 * panel_stride + v % 2 * 16);
#pragma GCC unroll 16
        for (int r = 0; r < R; ++r) sum[r][v] = fma(x[r], w, sum[r][v]);
      }
    } else {
      Lanes w[V];
#pragma GCC unroll 16
      for (int v = 0; v < V; ++v) w[v] = load(right + v / 2 * panel_stride + v % 2 * 16);
#pragma GCC unroll 16
      for (int r = 0; r < R; ++r) {
        Lanes x = left.at(r, k);
#pragma GCC unroll 16
        for (int v = 0; v < V; ++v) sum[r][v] = fma(x, w[v], sum[r][v]);
      }
    }
    right += inner_stride;
  }

#pragma GCC unroll 16
  for (int r = 0; r < R; ++r)
#pragma GCC unroll 16
    for (int v = 0; v < V; ++v) store(t.out + r * t.out_row + v * 16, sum[r][v]);
}

// One function per number of rows; [rows - 1].
template <class Element>
struct TileTable {
  TileFunction packed[kTileRows], direct[kTileRows];
  TileFunction wide_packed[4], wide_direct[4];  // kWideGroups groups at once

  constexpr TileTable() : packed(), direct(), wide_packed(), wide_direct() { fill<kTileRows>(); }

 private:
  template <int R>
  constexpr void fill() {
    packed[R - 1] = multiply_tile<R, kTileGroups, true, Element>;
    direct[R - 1] = multiply_tile<R, kTileGroups, false, Element>;
    if constexpr (R <= 4) {
      wide_packed[R - 1] = multiply_tile<R, kWideGroups[R - 1], true, Element>;
      wide_direct[R - 1] = multiply_tile<R, kWideGroups[R - 1], false, Element>;
    }
    if constexpr (R > 1) fill<R - 1>();
  }
};

template <class Element>
constexpr TileTable<Element> kTiles;

}  // namespace
}  // namespace weir
