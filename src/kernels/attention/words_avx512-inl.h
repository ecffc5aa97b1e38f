// Sixteen columns of a product in integers in one AVX-512 register. words_scalar-inl.h says what
// each function means. Written over lanes_avx512-inl.h.
#pragma once
#include "kernels/attention/words_x86-inl.h"

namespace weir {
namespace {

// 12 x 32 sums fill 24 of the 32 registers.
constexpr int kCacheTileRows = 12, kCacheWideRows = 12;

inline Lanes load_halves(const uint16_t* p) {
  return {_mm512_cvtph_ps(_mm256_loadu_si256(reinterpret_cast<const __m256i*>(p)))};
}

struct WordColumns {
  __m512i v;
};
inline WordColumns load_columns(const int8_t* p) {
  return {_mm512_cvtepi8_epi16(_mm256_loadu_si256(reinterpret_cast<const __m256i*>(p)))};
}
struct WordSums {
  __m512i v;
};
inline WordSums no_words() { return {_mm512_setzero_si512()}; }
inline WordSums add_products(const int16_t* pair, WordColumns columns, WordSums sum) {
  int32_t both;
  __builtin_memcpy(&both, pair, sizeof both);
#ifdef __AVX512VNNI__
  return {_mm512_dpwssd_epi32(sum.v, _mm512_set1_epi32(both), columns.v)};
#else
  return {_mm512_add_epi32(sum.v, _mm512_madd_epi16(_mm512_set1_epi32(both), columns.v))};
#endif
}
inline void keep(WordSums& sum) { __asm__ volatile("" : "+v"(sum.v) : : "memory"); }
inline Lanes floats_of(WordSums sum) { return {_mm512_cvtepi32_ps(sum.v)}; }
inline void store_words_of(int16_t* p, Lanes a) {
  _mm256_storeu_si256(reinterpret_cast<__m256i*>(p),
                      _mm512_cvtepi32_epi16(_mm512_castps_si512(a.v)));
}

}  // namespace
}  // namespace weir
