// The intrinsics of AVX-512, of VNNI and of AVX-VNNI in software (SIMDe), under the flags of AVX2:
// the files of this folder compile the kernels of those sets with it, for tests on any machine.
// Included before the lanes.
#pragma once
#include <immintrin.h>

#define SIMDE_ENABLE_NATIVE_ALIASES
#define SIMDE_NO_INLINE  // g++ 12 else takes minutes for emulated_amx.cpp
#include <simde/x86/avx512.h>

// SIMDe 0.7.4 has this name for another function.
#undef _mm512_madd_epi16
#define _mm512_madd_epi16(a, b) simde_mm512_madd_epi16(a, b)

#undef _mm256_dpwssd_avx_epi32
#define _mm256_dpwssd_avx_epi32(sum, a, b) simde_mm256_dpwssd_epi32(sum, a, b)
#undef _mm256_dpbusd_avx_epi32
#define _mm256_dpbusd_avx_epi32(sum, a, b) simde_mm256_dpbusd_epi32(sum, a, b)

// And lacks these, here two halves of AVX2 each.
namespace weir {
namespace {

template <class Each>
inline __m512 float_halves(Each each) {
  simde__m512_private r;
  r.m256[0] = each(0);
  r.m256[1] = each(1);
  return simde__m512_from_private(r);
}
template <class Each>
inline __m512i integer_halves(Each each) {
  simde__m512i_private r;
  r.m256i[0] = each(0);
  r.m256i[1] = each(1);
  return simde__m512i_from_private(r);
}
inline __m256 half_of(__m512 a, int i) { return simde__m512_to_private(a).m256[i]; }
inline __m256i half_of(__m512i a, int i) { return simde__m512i_to_private(a).m256i[i]; }
inline __m128i half_of(__m256i a, int i) {
  return i ? _mm256_extracti128_si256(a, 1) : _mm256_castsi256_si128(a);
}

inline __m512 emulated_cvtph_ps(__m256i a) {
  return float_halves([&](int i) { return _mm256_cvtph_ps(half_of(a, i)); });
}
inline __m512 emulated_cvtepi32_ps(__m512i a) {
  return float_halves([&](int i) { return _mm256_cvtepi32_ps(half_of(a, i)); });
}
inline __m512i emulated_cvtepu16_epi32(__m256i a) {
  return integer_halves([&](int i) { return _mm256_cvtepu16_epi32(half_of(a, i)); });
}
inline __m512i emulated_cvtepi8_epi32(__m128i a) {
  return integer_halves(
      [&](int i) { return _mm256_cvtepi8_epi32(i ? _mm_unpackhi_epi64(a, a) : a); });
}
inline __m256i emulated_cvtepi32_epi16(__m512i a) {
  const __m256i low = _mm256_set1_epi32(0xffff);
  const __m256i both = _mm256_packus_epi32(_mm256_and_si256(half_of(a, 0), low),
                                           _mm256_and_si256(half_of(a, 1), low));
  return _mm256_permute4x64_epi64(both, 0xd8);
}
inline __m512i emulated_srai_epi32(__m512i a, int count) {
  return integer_halves([&](int i) { return _mm256_srai_epi32(half_of(a, i), count); });
}
// Touches no float whose bit is not set.
inline __m512 emulated_mask_loadu_ps(__m512 others, __mmask16 set, const float* p) {
  simde__m512_private r = simde__m512_to_private(others);
  for (int i = 0; i < 16; ++i)
    if (set >> i & 1) r.f32[i] = p[i];
  return simde__m512_from_private(r);
}
inline void emulated_mask_storeu_ps(float* p, __mmask16 set, __m512 a) {
  const simde__m512_private from = simde__m512_to_private(a);
  for (int i = 0; i < 16; ++i)
    if (set >> i & 1) p[i] = from.f32[i];
}
inline __m512 emulated_shuffle_f32x4(__m512 a, __m512 b, int order) {
  const simde__m512_private from[2] = {simde__m512_to_private(a), simde__m512_to_private(b)};
  simde__m512_private r;
  for (int i = 0; i < 16; ++i) r.f32[i] = from[i / 8].f32[(order >> i / 4 * 2 & 3) * 4 + i % 4];
  return simde__m512_from_private(r);
}

}  // namespace
}  // namespace weir

#define _mm512_cvtph_ps(a) emulated_cvtph_ps(a)
#define _mm512_cvtepi32_ps(a) emulated_cvtepi32_ps(a)
#define _mm512_cvtepu16_epi32(a) emulated_cvtepu16_epi32(a)
#define _mm512_cvtepi8_epi32(a) emulated_cvtepi8_epi32(a)
#define _mm512_cvtepi32_epi16(a) emulated_cvtepi32_epi16(a)
#define _mm512_srai_epi32(a, count) emulated_srai_epi32(a, count)
#define _mm512_mask_loadu_ps(others, set, p) emulated_mask_loadu_ps(others, set, p)
#define _mm512_mask_storeu_ps(p, set, a) emulated_mask_storeu_ps(p, set, a)
#undef _mm512_extractf32x8_ps
#define _mm512_extractf32x8_ps(a, i) half_of(a, i)
#undef _mm512_permute_ps
#define _mm512_permute_ps(a, order) \
  float_halves([&](int i_) { return _mm256_permute_ps(half_of(a, i_), order); })
#undef _mm512_shuffle_f32x4
#define _mm512_shuffle_f32x4(a, b, order) emulated_shuffle_f32x4(a, b, order)
