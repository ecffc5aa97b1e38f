// Products with a page of a narrow cache, in tiles of some rows and one or two groups of sixteen
// columns: which tile takes which part. Written over one words_*-inl.h, included before it.
#pragma once
#include "kernels/attention/cache_products.h"
#include "kernels/dense/ranges-inl.h"

namespace weir {
namespace {

template <class Product>
using CacheTile = void (*)(const Product&, int row, int column);

// One function per number of rows; [groups - 1][rows - 1].
template <class Product>
struct CacheTiles {
  CacheTile<Product> of[2][kCacheTileRows];
};
template <class Product, class T>
constexpr CacheTiles<Product> cache_tiles() {
  CacheTiles<Product> tiles{};
  fill<T, kCacheTileRows>(tiles);
  return tiles;
}

template <class Product>
void run_tiles(const Product& g, const CacheTiles<Product>& tiles) {
  if (g.rows <= 0) return;
  const Split rows(g.rows, kCacheTileRows);
  for (int t = 0; t < rows.parts; ++t) {
    const Range range = rows[t];
    const bool is_wide = range.count <= kCacheWideRows;
    int column = 0;
    for (; is_wide && column + 32 <= g.cols; column += 32)
      tiles.of[1][range.count - 1](g, range.begin, column);
    for (; column < g.cols; column += 16) tiles.of[0][range.count - 1](g, range.begin, column);
  }
}

}  // namespace
}  // namespace weir
