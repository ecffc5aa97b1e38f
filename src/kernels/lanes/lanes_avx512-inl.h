// Sixteen float lanes in one AVX-512 register. lanes_scalar-inl.h says what each function means.
#pragma once
#include <immintrin.h>

#include <cstddef>
#include <cstdint>

namespace weir {
namespace {

struct Lanes {
  __m512 v;
};

// 14 x 2 sums, two of the right operand and a broadcast fill 31 of the 32 registers.
constexpr int kTileRows = 14;
constexpr int kTileGroups = 2;
constexpr int kWideGroups[2][4] = {{8, 8, 4, 4}, {4, 4, 2, 2}};
constexpr size_t kCopyRightStride = 1024;
constexpr int kSquare = 16;

using Register = __m512;
constexpr int kRegisters = 1;
constexpr int kDotRows = 6, kDotColumns = 4;
inline Register load_register(const float* p) { return _mm512_loadu_ps(p); }
inline void store_register(float* p, Register a) { _mm512_storeu_ps(p, a); }
inline Register multiply_add(Register a, Register b, Register c) {
  return _mm512_fmadd_ps(a, b, c);
}

inline __mmask16 first(int n) { return __mmask16((1u << n) - 1); }

inline Lanes splat(float x) { return {_mm512_set1_ps(x)}; }
inline Lanes load(const float* p) { return {_mm512_loadu_ps(p)}; }
inline Lanes load(const uint16_t* p) {
  __m512i wide = _mm512_cvtepu16_epi32(_mm256_loadu_si256(reinterpret_cast<const __m256i*>(p)));
  return {_mm512_castsi512_ps(_mm512_slli_epi32(wide, 16))};
}
inline Lanes widen_bytes(__m128i a) { return {_mm512_cvtepi32_ps(_mm512_cvtepi8_epi32(a))}; }
inline Lanes widen_halves(__m256i a) { return {_mm512_cvtph_ps(a)}; }
inline Lanes load_part(const float* p, int n, float fill = 0) {
  return {_mm512_mask_loadu_ps(_mm512_set1_ps(fill), first(n), p)};
}
inline void store(float* p, Lanes a) { _mm512_storeu_ps(p, a.v); }
inline void store_part(float* p, int n, Lanes a) { _mm512_mask_storeu_ps(p, first(n), a.v); }
inline void store_bf16(uint16_t* p, Lanes a) {
  __m512i b = _mm512_castps_si512(a.v);
  __m512i odd = _mm512_and_si512(_mm512_srli_epi32(b, 16), _mm512_set1_epi32(1));
  __m512i rounded = _mm512_add_epi32(b, _mm512_add_epi32(odd, _mm512_set1_epi32(0x7fff)));
  __mmask16 nan = _mm512_cmp_ps_mask(a.v, a.v, _CMP_UNORD_Q);
  rounded = _mm512_mask_or_epi32(rounded, nan, b, _mm512_set1_epi32(0x400000));
  _mm256_storeu_si256(reinterpret_cast<__m256i*>(p),
                      _mm512_cvtepi32_epi16(_mm512_srli_epi32(rounded, 16)));
}

inline void store_low_words(int16_t* p, Lanes a) {
  _mm256_storeu_si256(reinterpret_cast<__m256i*>(p),
                      _mm512_cvtepi32_epi16(_mm512_castps_si512(a.v)));
}

inline Lanes operator+(Lanes a, Lanes b) { return {_mm512_add_ps(a.v, b.v)}; }
inline Lanes operator-(Lanes a, Lanes b) { return {_mm512_sub_ps(a.v, b.v)}; }
inline Lanes operator*(Lanes a, Lanes b) { return {_mm512_mul_ps(a.v, b.v)}; }
inline Lanes operator/(Lanes a, Lanes b) { return {_mm512_div_ps(a.v, b.v)}; }
inline float fused(float a, float b, float c) { return __builtin_fmaf(a, b, c); }
inline Lanes fma(Lanes a, Lanes b, Lanes c) { return {_mm512_fmadd_ps(a.v, b.v, c.v)}; }
inline float root(float x) { return __builtin_sqrtf(x); }
inline Lanes root(Lanes a) { return {_mm512_sqrt_ps(a.v)}; }
inline Lanes max(Lanes a, Lanes b) { return {_mm512_max_ps(a.v, b.v)}; }
inline Lanes min(Lanes a, Lanes b) { return {_mm512_min_ps(a.v, b.v)}; }
inline Lanes select_less(Lanes a, Lanes b, Lanes yes, Lanes no) {
  return {_mm512_mask_blend_ps(_mm512_cmp_ps_mask(a.v, b.v, _CMP_LT_OQ), no.v, yes.v)};
}
inline Lanes low_bits_to_exponent(Lanes a) {
  return {_mm512_castsi512_ps(_mm512_slli_epi32(_mm512_castps_si512(a.v), 23))};
}

inline float lane_sum(Lanes a) {
  __m256 x = _mm256_add_ps(_mm512_castps512_ps256(a.v), _mm512_extractf32x8_ps(a.v, 1));
  __m128 y = _mm_add_ps(_mm256_castps256_ps128(x), _mm256_extractf128_ps(x, 1));
  y = _mm_add_ps(y, _mm_movehl_ps(y, y));
  return _mm_cvtss_f32(_mm_add_ss(y, _mm_movehdup_ps(y)));
}
inline float lane_max(Lanes a) {
  __m256 x = _mm256_max_ps(_mm512_castps512_ps256(a.v), _mm512_extractf32x8_ps(a.v, 1));
  __m128 y = _mm_max_ps(_mm256_castps256_ps128(x), _mm256_extractf128_ps(x, 1));
  y = _mm_max_ps(y, _mm_movehl_ps(y, y));
  return _mm_cvtss_f32(_mm_max_ss(y, _mm_movehdup_ps(y)));
}

inline Lanes swap_pairs(Lanes a) { return {_mm512_permute_ps(a.v, 0xb1)}; }
inline Lanes load_doubled(const float* p) {
  const __m512i index = _mm512_set_epi32(7, 7, 6, 6, 5, 5, 4, 4, 3, 3, 2, 2, 1, 1, 0, 0);
  return {_mm512_permutexvar_ps(index, _mm512_castps256_ps512(_mm256_loadu_ps(p)))};
}

// Four rounds of interleaving, at distances of 1, 2, 4 and 8 floats.
inline void transpose_square(const float* const* rows, float* out, size_t out_row) {
  __m512 a[16], b[16];
#pragma GCC unroll 16
  for (int i = 0; i < 16; ++i) a[i] = _mm512_loadu_ps(rows[i]);
#pragma GCC unroll 8
  for (int i = 0; i < 16; i += 2) {
    b[i] = _mm512_unpacklo_ps(a[i], a[i + 1]);
    b[i + 1] = _mm512_unpackhi_ps(a[i], a[i + 1]);
  }
#pragma GCC unroll 4
  for (int i = 0; i < 16; i += 4) {
    for (int h = 0; h < 2; ++h) {
      __m512d x = _mm512_castps_pd(b[i + h]), y = _mm512_castps_pd(b[i + h + 2]);
      a[i + 2 * h] = _mm512_castpd_ps(_mm512_unpacklo_pd(x, y));
      a[i + 2 * h + 1] = _mm512_castpd_ps(_mm512_unpackhi_pd(x, y));
    }
  }
  // a[4g + c] holds column c + 4q of rows 4g..4g+3 in its quarter q.
#pragma GCC unroll 4
  for (int c = 0; c < 4; ++c) {
    __m512 even_low = _mm512_shuffle_f32x4(a[c], a[4 + c], 0x88);
    __m512 odd_low = _mm512_shuffle_f32x4(a[c], a[4 + c], 0xdd);
    __m512 even_high = _mm512_shuffle_f32x4(a[8 + c], a[12 + c], 0x88);
    __m512 odd_high = _mm512_shuffle_f32x4(a[8 + c], a[12 + c], 0xdd);
    b[c] = _mm512_shuffle_f32x4(even_low, even_high, 0x88);
    b[c + 4] = _mm512_shuffle_f32x4(odd_low, odd_high, 0x88);
    b[c + 8] = _mm512_shuffle_f32x4(even_low, even_high, 0xdd);
    b[c + 12] = _mm512_shuffle_f32x4(odd_low, odd_high, 0xdd);
  }
#pragma GCC unroll 16
  for (int j = 0; j < 16; ++j) _mm512_storeu_ps(out + size_t(j) * out_row, b[j]);
}

}  // namespace
}  // namespace weir
