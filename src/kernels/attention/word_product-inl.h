// The product of words with codes (WordProduct), all sums of a tile in registers. Written over one
// words_*-inl.h and its lanes, included before it.
#pragma once
#include "kernels/attention/cache_tiles-inl.h"

namespace weir {
namespace {

template <int R, int G, class T>
void word_tile(const WordProduct& g, int row, int column) {
  WordSums sum[R][G];
  const int16_t* left[R];
  const int8_t* right = g.right + column * 2;
  const int8_t* next = row == 0 && g.next ? static_cast<const int8_t*>(g.next) + column * 2 : right;
#pragma GCC unroll 16
  for (int r = 0; r < R; ++r) {
    left[r] = g.left + size_t(row + r) * g.left_row;
#pragma GCC unroll 2
    for (int c = 0; c < G; ++c) sum[r][c] = no_words();
  }
  for (int i = 0; i < g.inner; i += 2) {
    __builtin_prefetch(next + size_t(i / 2) * g.right_row);
    WordColumns x[G];
#pragma GCC unroll 2
    for (int c = 0; c < G; ++c) x[c] = load_columns(right + size_t(i / 2) * g.right_row + c * 32);
#pragma GCC unroll 16
    for (int r = 0; r < R; ++r) {
#pragma GCC unroll 2
      for (int c = 0; c < G; ++c) {
        sum[r][c] = add_products(left[r] + i, x[c], sum[r][c]);
        keep(sum[r][c]);
      }
    }
  }
#pragma GCC unroll 16
  for (int r = 0; r < R; ++r) {
    const Lanes scale = splat(g.left_scale[size_t(row + r) * g.left_scale_row]);
    float* out = g.out + size_t(row + r) * g.out_row + column;
#pragma GCC unroll 2
    for (int c = 0; c < G; ++c) {
      const Lanes before = g.accumulate ? load(out + c * 16) : splat(0);
      const Lanes both = g.right_scale ? scale * load(g.right_scale + column + c * 16) : scale;
      store(out + c * 16, fma(floats_of(sum[r][c]), both, before));
    }
  }
}

template <class T, int R>
constexpr void fill(CacheTiles<WordProduct>& tiles) {
  tiles.of[0][R - 1] = word_tile<R, 1, T>;
  if constexpr (R <= kCacheWideRows) tiles.of[1][R - 1] = word_tile<R, 2, T>;
  if constexpr (R > 1) fill<T, R - 1>(tiles);
}

constexpr CacheTiles<WordProduct> kWordTiles = cache_tiles<WordProduct, int8_t>();
void word_product(const WordProduct& g) { run_tiles(g, kWordTiles); }

}  // namespace
}  // namespace weir
