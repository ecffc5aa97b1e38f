// Sixteen columns of a product in integers as plain arrays: the definition of what words_avx2-inl.h
// and words_avx512-inl.h must do. Written over lanes_scalar-inl.h.
#pragma once
#include <cstddef>
#include <cstdint>

#include "kernels/attention/cache_products.h"

namespace weir {
namespace {

// Rows of a tile of products with a cache page, and the most that have two groups of columns.
constexpr int kCacheTileRows = 4, kCacheWideRows = 2;

// IEEE halves: the bits of an f32 whose exponent is too small by 112, subnormal ones included.
inline Lanes load_halves(const uint16_t* p) {
  return each_lane([&](int i) {
    const uint32_t size = p[i] & 0x7fffu;
    const float x =
        size >= 0x7c00 ? float_of(0x7f800000 | size << 13) : float_of(size << 13) * 0x1p112f;
    return p[i] & 0x8000 ? -x : x;
  });
}

// Columns c = 0..15 of two inner steps.
struct WordColumns {
  int16_t v[32];
};
inline WordColumns load_columns(const int8_t* p) {
  WordColumns columns;
  for (int i = 0; i < 32; ++i) columns.v[i] = p[i];
  return columns;
}
struct WordSums {
  int32_t v[16];
};
inline WordSums no_words() { return {}; }
// sum[c] += pair[0] * column[c][0] + pair[1] * column[c][1].
inline WordSums add_products(const int16_t* pair, const WordColumns& columns, WordSums sum) {
  for (int c = 0; c < 16; ++c)
    sum.v[c] += pair[0] * columns.v[2 * c] + pair[1] * columns.v[2 * c + 1];
  return sum;
}
// The sum stays in registers here, and no load moves past: g++ would load the left numbers of all
// rows first, and have no registers for sums.
inline void keep(WordSums&) {}
inline Lanes floats_of(const WordSums& sum) {
  return each_lane([&](int i) { return float(sum.v[i]); });
}
// The low 16 bits of every lane.
inline void store_words_of(int16_t* p, Lanes a) {
  for (int i = 0; i < 16; ++i) p[i] = int16_t(bits_of(a.v[i]));
}

void unpack_nibbles(const uint8_t* packed, const int8_t* table, size_t n, int8_t* codes) {
  for (size_t i = 0; i < n / 2; ++i) {
    codes[i] = table[packed[i] & 15];
    codes[i + n / 2] = table[packed[i] >> 4];
  }
}
void inner_pairs(const int8_t* rows, size_t row, int width, int8_t* out) {
  for (int u = 0; u < kCodeRows; ++u)
    for (int k = 0; k < width; ++k)
      out[k / 2 * 2 * kCodeRows + u * 2 + k % 2] = rows[size_t(u) * row + size_t(k)];
}
void row_pairs(const int8_t* rows, size_t row, int width, int8_t* out) {
  for (int u = 0; u < kCodeRows; ++u)
    for (int k = 0; k < width; ++k)
      out[u / 2 * 2 * width + k * 2 + u % 2] = rows[size_t(u) * row + size_t(k)];
}

}  // namespace
}  // namespace weir
