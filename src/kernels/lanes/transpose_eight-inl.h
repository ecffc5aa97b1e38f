// Eight by eight floats, or anything of 32 bits, transposed in AVX2 registers.
#pragma once
#include <immintrin.h>

#include <cstddef>

namespace weir {
namespace {

// Three rounds of interleaving, at distances of 1, 2 and 4 floats.
inline void transpose_eight(const float* const* rows, float* out, size_t out_row) {
  __m256 a[8], b[8];
#pragma GCC unroll 8
  for (int i = 0; i < 8; ++i) a[i] = _mm256_loadu_ps(rows[i]);
#pragma GCC unroll 4
  for (int i = 0; i < 8; i += 2) {
    b[i] = _mm256_unpacklo_ps(a[i], a[i + 1]);
    b[i + 1] = _mm256_unpackhi_ps(a[i], a[i + 1]);
  }
#pragma GCC unroll 2
  for (int i = 0; i < 8; i += 4) {
    for (int h = 0; h < 2; ++h) {
      a[i + 2 * h] = _mm256_shuffle_ps(b[i + h], b[i + h + 2], 0x44);
      a[i + 2 * h + 1] = _mm256_shuffle_ps(b[i + h], b[i + h + 2], 0xee);
    }
  }
  // a[4g + c] holds column c of rows 4g..4g+3 in its low half, column c + 4 in its high half.
#pragma GCC unroll 4
  for (int c = 0; c < 4; ++c) {
    b[c] = _mm256_permute2f128_ps(a[c], a[4 + c], 0x20);
    b[c + 4] = _mm256_permute2f128_ps(a[c], a[4 + c], 0x31);
  }
#pragma GCC unroll 8
  for (int j = 0; j < 8; ++j) _mm256_storeu_ps(out + size_t(j) * out_row, b[j]);
}

}  // namespace
}  // namespace weir
