// The register tile of block_gemm: sums of R activation rows times C decoded rows, sixteen lanes
// each, one register of every sum at a time. Written over one lanes_*-inl.h.
#pragma once
#include <cstddef>

namespace weir {
namespace {

struct DotTile {
  const float* const* left;  // R rows
  const float* right;        // C rows
  size_t right_row;
  int steps;    // of sixteen numbers
  float* sums;  // lane l of (r, c) at (r * sums_row + c) * 16 + l
  int sums_row;
  bool accumulate;
};

using DotFunction = void (*)(const DotTile&);

alignas(64) constexpr float kNoSums[16] = {};

template <int R, int C>
void multiply_dots(const DotTile& t) {
  for (int part = 0; part < kRegisters; ++part) {
    const int lane = part * 16 / kRegisters;
    Register sum[R][C];
#pragma GCC unroll 16
    for (int r = 0; r < R; ++r)
#pragma GCC unroll 16
      for (int c = 0; c < C; ++c)
        sum[r][c] =
            load_register(t.accumulate ? t.sums + (r * t.sums_row + c) * 16 + lane : kNoSums);
    const float* left[R];
    for (int r = 0; r < R; ++r) left[r] = t.left[r] + lane;
    const float* right = t.right + lane;
    for (int i = 0; i < t.steps; ++i) {
      Register w[C];
#pragma GCC unroll 16
      for (int c = 0; c < C; ++c) w[c] = load_register(right + size_t(c) * t.right_row);
#pragma GCC unroll 16
      for (int r = 0; r < R; ++r) {
        const Register x = load_register(left[r] + size_t(i) * 16);
#pragma GCC unroll 16
        for (int c = 0; c < C; ++c) sum[r][c] = multiply_add(x, w[c], sum[r][c]);
      }
      right += 16;
    }
#pragma GCC unroll 16
    for (int r = 0; r < R; ++r)
#pragma GCC unroll 16
      for (int c = 0; c < C; ++c)
        store_register(t.sums + (r * t.sums_row + c) * 16 + lane, sum[r][c]);
  }
}

// One function per size; [rows - 1][columns - 1]. (clang wants fill() before the constructor.)
struct DotTable {
  DotFunction tile[kDotRows][kDotColumns];

  template <int R, int C>
  constexpr void fill() {
    tile[R - 1][C - 1] = multiply_dots<R, C>;
    if constexpr (C > 1)
      fill<R, C - 1>();
    else if constexpr (R > 1)
      fill<R - 1, kDotColumns>();
  }
  constexpr DotTable() : tile() { fill<kDotRows, kDotColumns>(); }
};
constexpr DotTable kDotTiles;

}  // namespace
}  // namespace weir
