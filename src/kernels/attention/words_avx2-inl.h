// Sixteen columns of a product in integers in two AVX2 registers. words_scalar-inl.h says what each
// function means. Written over lanes_avx2-inl.h.
#pragma once
#include "kernels/attention/words_x86-inl.h"

namespace weir {
namespace {

// 6 x 16 sums fill 12 of the 16 registers; so do 3 x 32.
constexpr int kCacheTileRows = 6, kCacheWideRows = 3;

inline Lanes load_halves(const uint16_t* p) {
  return {_mm256_cvtph_ps(load_codes(p)), _mm256_cvtph_ps(load_codes(p + 8))};
}

struct WordColumns {
  __m256i low, high;
};
inline WordColumns load_columns(const int8_t* p) {
  return {_mm256_cvtepi8_epi16(load_codes(p)), _mm256_cvtepi8_epi16(load_codes(p + 16))};
}
struct WordSums {
  __m256i low, high;
};
inline WordSums no_words() { return {_mm256_setzero_si256(), _mm256_setzero_si256()}; }
inline WordSums add_products(const int16_t* pair, WordColumns columns, WordSums sum) {
  int32_t both;
  __builtin_memcpy(&both, pair, sizeof both);
  const __m256i x = _mm256_set1_epi32(both);
#ifdef __AVXVNNI__
  return {_mm256_dpwssd_avx_epi32(sum.low, x, columns.low),
          _mm256_dpwssd_avx_epi32(sum.high, x, columns.high)};
#else
  return {_mm256_add_epi32(sum.low, _mm256_madd_epi16(x, columns.low)),
          _mm256_add_epi32(sum.high, _mm256_madd_epi16(x, columns.high))};
#endif
}
inline void keep(WordSums& sum) {
  __asm__ volatile("" : "+x"(sum.low), "+x"(sum.high) : : "memory");
}
inline Lanes floats_of(WordSums sum) {
  return {_mm256_cvtepi32_ps(sum.low), _mm256_cvtepi32_ps(sum.high)};
}
inline void store_words_of(int16_t* p, Lanes a) {
  const __m256i mask = _mm256_set1_epi32(0xffff);
  const __m256i both = _mm256_packus_epi32(_mm256_and_si256(_mm256_castps_si256(a.low), mask),
                                           _mm256_and_si256(_mm256_castps_si256(a.high), mask));
  _mm256_storeu_si256(reinterpret_cast<__m256i*>(p), _mm256_permute4x64_epi64(both, 0xd8));
}

}  // namespace
}  // namespace weir
