// Sixteen float lanes in two AVX2 registers. lanes_scalar-inl.h says what each function means.
#pragma once
#include <immintrin.h>

#include <cstddef>
#include <cstdint>

#include "kernels/lanes/transpose_eight-inl.h"

namespace weir {
namespace {

struct Lanes {
  __m256 low, high;  // lanes 0..7 and 8..15
};

// 6 x 2 sums, two of the right operand and a broadcast fill 15 of the 16 registers.
constexpr int kTileRows = 6;
constexpr int kTileGroups = 1;
constexpr int kWideGroups[2][4] = {{4, 2, 2, 1}, {2, 1, 1, 1}};
constexpr size_t kCopyRightStride = 256;
constexpr int kSquare = 8;

// The lanes in registers: a product of rows keeps one register of every sum at a time.
using Register = __m256;
constexpr int kRegisters = 2;
constexpr int kDotRows = 4, kDotColumns = 3;
inline Register load_register(const float* p) { return _mm256_loadu_ps(p); }
inline void store_register(float* p, Register a) { _mm256_storeu_ps(p, a); }
inline Register multiply_add(Register a, Register b, Register c) {
  return _mm256_fmadd_ps(a, b, c);
}

// The eight entries from 8 - n on select the first n lanes of one register.
alignas(64) constexpr int32_t kFirst[16] = {-1, -1, -1, -1, -1, -1, -1, -1};
inline __m256i first(int n) {
  n = n < 0 ? 0 : n > 8 ? 8 : n;
  return _mm256_loadu_si256(reinterpret_cast<const __m256i*>(kFirst + 8 - n));
}

inline Lanes splat(float x) { return {_mm256_set1_ps(x), _mm256_set1_ps(x)}; }
inline Lanes load(const float* p) { return {_mm256_loadu_ps(p), _mm256_loadu_ps(p + 8)}; }
inline __m256 widen(const uint16_t* p) {
  __m256i wide = _mm256_cvtepu16_epi32(_mm_loadu_si128(reinterpret_cast<const __m128i*>(p)));
  return _mm256_castsi256_ps(_mm256_slli_epi32(wide, 16));
}
inline Lanes load(const uint16_t* p) { return {widen(p), widen(p + 8)}; }
inline Lanes widen_bytes(__m128i a) {
  return {_mm256_cvtepi32_ps(_mm256_cvtepi8_epi32(a)),
          _mm256_cvtepi32_ps(_mm256_cvtepi8_epi32(_mm_unpackhi_epi64(a, a)))};
}
inline Lanes widen_halves(__m256i a) {
  return {_mm256_cvtph_ps(_mm256_castsi256_si128(a)),
          _mm256_cvtph_ps(_mm256_extracti128_si256(a, 1))};
}
inline __m256 load_masked(const float* p, __m256i mask, __m256 fill) {
  return _mm256_blendv_ps(fill, _mm256_maskload_ps(p, mask), _mm256_castsi256_ps(mask));
}
inline Lanes load_part(const float* p, int n, float fill = 0) {
  __m256 f = _mm256_set1_ps(fill);
  return {load_masked(p, first(n), f), load_masked(p + 8, first(n - 8), f)};
}
inline void store(float* p, Lanes a) {
  _mm256_storeu_ps(p, a.low);
  _mm256_storeu_ps(p + 8, a.high);
}
inline void store_part(float* p, int n, Lanes a) {
  _mm256_maskstore_ps(p, first(n), a.low);
  _mm256_maskstore_ps(p + 8, first(n - 8), a.high);
}
inline __m256i rounded_bf16(__m256 a) {
  __m256i b = _mm256_castps_si256(a);
  __m256i odd = _mm256_and_si256(_mm256_srli_epi32(b, 16), _mm256_set1_epi32(1));
  __m256i rounded = _mm256_add_epi32(b, _mm256_add_epi32(odd, _mm256_set1_epi32(0x7fff)));
  __m256i quiet = _mm256_or_si256(b, _mm256_set1_epi32(0x400000));
  __m256i nan = _mm256_castps_si256(_mm256_cmp_ps(a, a, _CMP_UNORD_Q));
  return _mm256_srli_epi32(_mm256_blendv_epi8(rounded, quiet, nan), 16);
}
inline void store_bf16(uint16_t* p, Lanes a) {
  __m256i both = _mm256_packus_epi32(rounded_bf16(a.low), rounded_bf16(a.high));
  _mm256_storeu_si256(reinterpret_cast<__m256i*>(p), _mm256_permute4x64_epi64(both, 0xd8));
}

inline __m256i low_words(__m256 a) {
  return _mm256_and_si256(_mm256_castps_si256(a), _mm256_set1_epi32(0xffff));
}
inline void store_low_words(int16_t* p, Lanes a) {
  const __m256i both = _mm256_packus_epi32(low_words(a.low), low_words(a.high));
  _mm256_storeu_si256(reinterpret_cast<__m256i*>(p), _mm256_permute4x64_epi64(both, 0xd8));
}

inline Lanes operator+(Lanes a, Lanes b) {
  return {_mm256_add_ps(a.low, b.low), _mm256_add_ps(a.high, b.high)};
}
inline Lanes operator-(Lanes a, Lanes b) {
  return {_mm256_sub_ps(a.low, b.low), _mm256_sub_ps(a.high, b.high)};
}
inline Lanes operator*(Lanes a, Lanes b) {
  return {_mm256_mul_ps(a.low, b.low), _mm256_mul_ps(a.high, b.high)};
}
inline Lanes operator/(Lanes a, Lanes b) {
  return {_mm256_div_ps(a.low, b.low), _mm256_div_ps(a.high, b.high)};
}
inline float fused(float a, float b, float c) { return __builtin_fmaf(a, b, c); }
inline Lanes fma(Lanes a, Lanes b, Lanes c) {
  return {_mm256_fmadd_ps(a.low, b.low, c.low), _mm256_fmadd_ps(a.high, b.high, c.high)};
}
inline float root(float x) { return __builtin_sqrtf(x); }
inline Lanes root(Lanes a) { return {_mm256_sqrt_ps(a.low), _mm256_sqrt_ps(a.high)}; }
inline Lanes max(Lanes a, Lanes b) {
  return {_mm256_max_ps(a.low, b.low), _mm256_max_ps(a.high, b.high)};
}
inline Lanes min(Lanes a, Lanes b) {
  return {_mm256_min_ps(a.low, b.low), _mm256_min_ps(a.high, b.high)};
}
inline Lanes select_less(Lanes a, Lanes b, Lanes yes, Lanes no) {
  return {_mm256_blendv_ps(no.low, yes.low, _mm256_cmp_ps(a.low, b.low, _CMP_LT_OQ)),
          _mm256_blendv_ps(no.high, yes.high, _mm256_cmp_ps(a.high, b.high, _CMP_LT_OQ))};
}
inline __m256 low_bits_to_exponent(__m256 a) {
  return _mm256_castsi256_ps(_mm256_slli_epi32(_mm256_castps_si256(a), 23));
}
inline Lanes low_bits_to_exponent(Lanes a) {
  return {low_bits_to_exponent(a.low), low_bits_to_exponent(a.high)};
}

inline float lane_sum(Lanes a) {
  __m256 x = _mm256_add_ps(a.low, a.high);
  __m128 y = _mm_add_ps(_mm256_castps256_ps128(x), _mm256_extractf128_ps(x, 1));
  y = _mm_add_ps(y, _mm_movehl_ps(y, y));
  return _mm_cvtss_f32(_mm_add_ss(y, _mm_movehdup_ps(y)));
}
inline float lane_max(Lanes a) {
  __m256 x = _mm256_max_ps(a.low, a.high);
  __m128 y = _mm_max_ps(_mm256_castps256_ps128(x), _mm256_extractf128_ps(x, 1));
  y = _mm_max_ps(y, _mm_movehl_ps(y, y));
  return _mm_cvtss_f32(_mm_max_ss(y, _mm_movehdup_ps(y)));
}

inline Lanes swap_pairs(Lanes a) {
  return {_mm256_permute_ps(a.low, 0xb1), _mm256_permute_ps(a.high, 0xb1)};
}
inline Lanes load_doubled(const float* p) {
  __m256 x = _mm256_loadu_ps(p);
  return {_mm256_permutevar8x32_ps(x, _mm256_set_epi32(3, 3, 2, 2, 1, 1, 0, 0)),
          _mm256_permutevar8x32_ps(x, _mm256_set_epi32(7, 7, 6, 6, 5, 5, 4, 4))};
}

inline void transpose_square(const float* const* rows, float* out, size_t out_row) {
  transpose_eight(rows, out, out_row);
}

}  // namespace
}  // namespace weir
