// What the AVX2 and the AVX-512 table have in common of words_scalar-inl.h: codes moved about, 16
// bytes at a time. (AVX2 is enough: it is a small part of a product's time.)
#pragma once
#include <immintrin.h>

#include <cstddef>
#include <cstdint>

#include "kernels/attention/cache_products.h"

namespace weir {
namespace {

inline __m128i load_codes(const void* p) { return _mm_loadu_si128(static_cast<const __m128i*>(p)); }
inline void store_codes(void* p, __m128i a) { _mm_storeu_si128(static_cast<__m128i*>(p), a); }

inline void unpack_nibbles(const uint8_t* packed, const int8_t* table, size_t n, int8_t* codes) {
  const __m128i entries = load_codes(table), low = _mm_set1_epi8(15);
  const size_t half = n / 2;
  size_t i = 0;
  for (; i + 16 <= half; i += 16) {
    const __m128i both = load_codes(packed + i);
    store_codes(codes + i, _mm_shuffle_epi8(entries, _mm_and_si128(both, low)));
    store_codes(codes + half + i,
                _mm_shuffle_epi8(entries, _mm_and_si128(_mm_srli_epi16(both, 4), low)));
  }
  for (; i < half; ++i) {
    codes[i] = table[packed[i] & 15];
    codes[i + half] = table[packed[i] >> 4];
  }
}

// Eight rows of eight two-byte units, transposed in three rounds of interleaving.
inline void transpose_units(const int8_t* rows, size_t row, int8_t* out, size_t out_row) {
  __m128i a[8], b[8];
#pragma GCC unroll 8
  for (int i = 0; i < 8; ++i) a[i] = load_codes(rows + size_t(i) * row);
#pragma GCC unroll 4
  for (int i = 0; i < 4; ++i) {
    b[2 * i] = _mm_unpacklo_epi16(a[i], a[i + 4]);
    b[2 * i + 1] = _mm_unpackhi_epi16(a[i], a[i + 4]);
  }
#pragma GCC unroll 4
  for (int i = 0; i < 4; ++i) {
    a[2 * i] = _mm_unpacklo_epi16(b[i], b[i + 4]);
    a[2 * i + 1] = _mm_unpackhi_epi16(b[i], b[i + 4]);
  }
#pragma GCC unroll 4
  for (int i = 0; i < 4; ++i) {
    store_codes(out + size_t(2 * i) * out_row, _mm_unpacklo_epi16(a[i], a[i + 4]));
    store_codes(out + size_t(2 * i + 1) * out_row, _mm_unpackhi_epi16(a[i], a[i + 4]));
  }
}

inline void inner_pairs(const int8_t* rows, size_t row, int width, int8_t* out) {
  for (int k = 0; k < width; k += 16)
    for (int u = 0; u < kCodeRows; u += 8)
      transpose_units(rows + size_t(u) * row + k, row, out + k * kCodeRows + u * 2, 2 * kCodeRows);
}

inline void row_pairs(const int8_t* rows, size_t row, int width, int8_t* out) {
  for (int u = 0; u < kCodeRows; u += 2)
    for (int k = 0; k < width; k += 16) {
      const __m128i a = load_codes(rows + size_t(u) * row + k);
      const __m128i b = load_codes(rows + size_t(u + 1) * row + k);
      int8_t* to = out + u * width + k * 2;
      store_codes(to, _mm_unpacklo_epi8(a, b));
      store_codes(to + 16, _mm_unpackhi_epi8(a, b));
    }
}

}  // namespace
}  // namespace weir
