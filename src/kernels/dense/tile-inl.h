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
  const float* right;  // group v of k at (v / 2) * panel_stride + k * inner_stride + v % 2 * 16
  size_t panel_stride, inner_stride;
  int inner;
  float* out;
  size_t out_row;
  bool accumulate;

  // What comes next and is not in the cache: 32 columns of `next_out_rows` rows of out, and rows of
  // the left operand. Touched a line at a time between multiplications; a burst of misses would
  // occupy every miss buffer and hold up the reads of this tile.
  const float* next_out;
  int next_out_rows;
  const float* const* next_left;
  int next_left_rows, next_left_length;
};

using TileFunction = void (*)(const Tile&);

// Steps of k between two touches of what comes next.
constexpr int kTouchStep = 8;
// Multiply-adds, in rows of one panel, done while a fetched line of the right operand arrives.
constexpr int kRightAhead = 448;

class NextTouch {
 public:
  explicit NextTouch(const Tile& t)
      : out_(t.next_out),
        out_row_(t.out_row),
        out_rows_(t.next_out_rows),
        left_(t.next_left),
        left_rows_(t.next_left_rows),
        left_length_(t.next_left_length) {}
  void step() {
    if (out_rows_ > 0) {
      __builtin_prefetch(out_, 1);
      __builtin_prefetch(out_ + 16, 1);
      out_ += out_row_;
      --out_rows_;
    }
    if (left_rows_ > 0) {
      __builtin_prefetch(*left_ + at_);
      __builtin_prefetch(*left_ + at_ + 16);
      at_ += 32;
      if (at_ >= left_length_) ++left_, --left_rows_, at_ = 0;
    }
  }

 private:
  const float* out_;
  size_t out_row_;
  int out_rows_;
  const float* const* left_;
  int left_rows_, left_length_, at_ = 0;
};

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

template <int R, int V, bool kPacked>
struct TileSums {
  Lanes sum[R][V];
  LeftRows<R, kPacked> left;
  const float* right;
  size_t panel_stride, inner_stride;

  explicit TileSums(const Tile& t)
      : left(t), right(t.right), panel_stride(t.panel_stride), inner_stride(t.inner_stride) {
#pragma GCC unroll 16
    for (int r = 0; r < R; ++r)
#pragma GCC unroll 16
      for (int v = 0; v < V; ++v)
        sum[r][v] = t.accumulate ? load(t.out + r * t.out_row + v * 16) : splat(0);
  }

  Lanes right_group(int v) const { return load(right + v / 2 * panel_stride + v % 2 * 16); }

  [[gnu::always_inline]] void step(int k) {
    if constexpr (V <= kTileGroups) {
      for (int i = 0; i < V * 16; i += 16)
        __builtin_prefetch(right + kRightAhead / R * inner_stride + i);
    }
    if constexpr (R <= 4) {  // few rows, many groups: keep the left, stream the right
      Lanes x[R];
#pragma GCC unroll 16
      for (int r = 0; r < R; ++r) x[r] = left.at(r, k);
#pragma GCC unroll 16
      for (int v = 0; v < V; ++v) {
        const Lanes w = right_group(v);
#pragma GCC unroll 16
        for (int r = 0; r < R; ++r) sum[r][v] = fma(x[r], w, sum[r][v]);
      }
    } else {
      Lanes w[V];
#pragma GCC unroll 16
      for (int v = 0; v < V; ++v) w[v] = right_group(v);
#pragma GCC unroll 16
      for (int r = 0; r < R; ++r) {
        const Lanes x = left.at(r, k);
#pragma GCC unroll 16
        for (int v = 0; v < V; ++v) sum[r][v] = fma(x, w[v], sum[r][v]);
      }
    }
    right += inner_stride;
  }

  void finish(const Tile& t) const {
#pragma GCC unroll 16
    for (int r = 0; r < R; ++r)
#pragma GCC unroll 16
      for (int v = 0; v < V; ++v) store(t.out + r * t.out_row + v * 16, sum[r][v]);
  }
};

template <int R, int V, bool kPacked>
void multiply_tile(const Tile& t) {
  TileSums<R, V, kPacked> sums(t);
  NextTouch next(t);
  const int inner = t.inner;
  int k = 0;
  for (; k + kTouchStep <= inner; k += kTouchStep) {
    if constexpr (V <= kTileGroups) next.step();
#pragma GCC unroll 4
    for (int i = 0; i < kTouchStep; ++i) sums.step(k + i);
  }
  for (; k < inner; ++k) sums.step(k);
  sums.finish(t);
}

// One function per number of rows; [rows - 1]. (clang wants the fills before the constructor.)
struct TileTable {
  TileFunction packed[kTileRows], direct[kTileRows];
  TileFunction wide_packed[2][4], wide_direct[2][4];  // kWideGroups groups at once

  template <int R, int kChoice>
  constexpr void fill_wide() {
    constexpr int kGroups = kWideGroups[kChoice][R - 1];
    if constexpr (kGroups > kTileGroups) {
      wide_packed[kChoice][R - 1] = multiply_tile<R, kGroups, true>;
      wide_direct[kChoice][R - 1] = multiply_tile<R, kGroups, false>;
    }
  }
  template <int R>
  constexpr void fill() {
    packed[R - 1] = multiply_tile<R, kTileGroups, true>;
    direct[R - 1] = multiply_tile<R, kTileGroups, false>;
    if constexpr (R <= 4) {
      fill_wide<R, 0>();
      fill_wide<R, 1>();
    }
    if constexpr (R > 1) fill<R - 1>();
  }
  constexpr TileTable() : packed(), direct(), wide_packed(), wide_direct() { fill<kTileRows>(); }
};

constexpr TileTable kTiles;

}  // namespace
}  // namespace weir
