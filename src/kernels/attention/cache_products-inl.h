// Products of floats with pages of a narrow cache, all sums of a tile in registers, and floats as
// words. Written over one words_*-inl.h and its lanes, included before it.
#pragma once
#include "kernels/attention/cache_tiles-inl.h"

namespace weir {
namespace {

inline Lanes load_numbers(const float* p) { return load(p); }
struct Half {
  uint16_t bits;
};
struct Brain {
  uint16_t bits;
};
inline Lanes load_numbers(const Half* p) { return load_halves(&p->bits); }
inline Lanes load_numbers(const Brain* p) { return load(&p->bits); }

// Rows [row, row + R) and columns [column, column + 16 * G) of a product.
template <int R, int G, class T>
void narrow_tile(const NarrowProduct& g, int row, int column) {
  Lanes sum[R][G];
  const float* left[R];
  float* out[R];
  const T* right = static_cast<const T*>(g.right) + column;
  // Only the first rows ask for what comes next, each line once.
  const T* next = row == 0 && g.next ? static_cast<const T*>(g.next) + column : right;
#pragma GCC unroll 16
  for (int r = 0; r < R; ++r) {
    left[r] = g.left + size_t(row + r) * g.left_row;
    out[r] = g.out + size_t(row + r) * g.out_row + column;
#pragma GCC unroll 2
    for (int c = 0; c < G; ++c) sum[r][c] = g.accumulate ? load(out[r] + c * 16) : splat(0);
  }
  for (int i = 0; i < g.inner; ++i) {
    __builtin_prefetch(next + size_t(i) * g.right_row);
    Lanes x[G];
#pragma GCC unroll 2
    for (int c = 0; c < G; ++c) x[c] = load_numbers(right + size_t(i) * g.right_row + c * 16);
#pragma GCC unroll 16
    for (int r = 0; r < R; ++r) {
      const Lanes factor = splat(left[r][i]);
#pragma GCC unroll 2
      for (int c = 0; c < G; ++c) sum[r][c] = fma(factor, x[c], sum[r][c]);
    }
  }
#pragma GCC unroll 16
  for (int r = 0; r < R; ++r)
#pragma GCC unroll 2
    for (int c = 0; c < G; ++c) store(out[r] + c * 16, sum[r][c]);
}

template <class T, int R>
constexpr void fill(CacheTiles<NarrowProduct>& tiles) {
  tiles.of[0][R - 1] = narrow_tile<R, 1, T>;
  if constexpr (R <= kCacheWideRows) tiles.of[1][R - 1] = narrow_tile<R, 2, T>;
  if constexpr (R > 1) fill<T, R - 1>(tiles);
}

constexpr CacheTiles<NarrowProduct> kFloatTiles = cache_tiles<NarrowProduct, float>();
constexpr CacheTiles<NarrowProduct> kHalfTiles = cache_tiles<NarrowProduct, Half>();
constexpr CacheTiles<NarrowProduct> kBrainTiles = cache_tiles<NarrowProduct, Brain>();

void narrow_product(const NarrowProduct& g) {
  run_tiles(g, g.type == WeightType::f32   ? kFloatTiles
               : g.type == WeightType::f16 ? kHalfTiles
                                           : kBrainTiles);
}

float to_words(const float* x, const float* factors, int n, int padded, int16_t* words) {
  // A product with 0 is 0, and NaN for what is not finite.
  Lanes top = splat(0), zero = splat(0);
  const auto value = [&](int i) {
    if (i + 16 <= n) return factors ? load(x + i) * load(factors + i) : load(x + i);
    const int left = i < n ? n - i : 0;
    const Lanes v = load_part(x + i, left);
    return factors ? v * load_part(factors + i, left) : v;
  };
  for (int i = 0; i < n; i += 16) {
    const Lanes v = value(i);
    top = max(max(v, splat(0) - v), top);
    zero = fma(v, splat(0), zero);
  }
  const float most = lane_max(top) + lane_sum(zero);
  const float inverse = most >= 1e-30f ? float(kWordMost) / most : 0;
  // Adding 1.5 * 2^23 rounds to an integer, which then stands in the low bits.
  const Lanes factor = splat(inverse), magic = splat(12582912.0f);
  for (int i = 0; i < padded; i += 16) store_words_of(words + i, fma(value(i), factor, magic));
  return most < 1e-30f ? 0 : most / float(kWordMost);
}

}  // namespace
}  // namespace weir
