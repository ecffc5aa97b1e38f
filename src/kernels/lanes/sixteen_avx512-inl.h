// Sixteen lanes of 32 bits in one AVX-512 register. sixteen_avx2-inl.h says what each function
// means. Written over lanes_avx512-inl.h.
#pragma once
#include <immintrin.h>

#include <cstddef>
#include <cstdint>

namespace weir {
namespace {

struct Sixteen {
  __m512i v;
};

// g++ 12 else copies sums of a loop before it adds to them. Software has no register for one.
[[gnu::always_inline]] inline void keep_in_register([[maybe_unused]] Sixteen& a) {
#if defined(__AVX512F__)
  asm("" : "+v"(a.v));
#endif
}

inline Sixteen load_lanes(const void* p) { return {_mm512_loadu_si512(p)}; }
inline void store_lanes(void* p, Sixteen a) { _mm512_storeu_si512(p, a.v); }
inline Sixteen splat_lane(const void* p) {
  int32_t x;
  __builtin_memcpy(&x, p, sizeof x);
  return {_mm512_set1_epi32(x)};
}
inline Sixteen splat_int(int x) { return {_mm512_set1_epi32(x)}; }
inline Sixteen splat_words(int x) { return {_mm512_set1_epi16(int16_t(x))}; }
inline Sixteen splat_byte(int x) { return {_mm512_set1_epi8(char(x))}; }

inline Sixteen operator&(Sixteen a, Sixteen b) { return {_mm512_and_si512(a.v, b.v)}; }
inline Sixteen operator|(Sixteen a, Sixteen b) { return {_mm512_or_si512(a.v, b.v)}; }
inline Sixteen operator+(Sixteen a, Sixteen b) { return {_mm512_add_epi32(a.v, b.v)}; }
inline Sixteen operator-(Sixteen a, Sixteen b) { return {_mm512_sub_epi32(a.v, b.v)}; }
inline Sixteen subtract_words(Sixteen a, Sixteen b) { return {_mm512_sub_epi16(a.v, b.v)}; }
inline Sixteen multiply_words(Sixteen a, Sixteen b) { return {_mm512_mullo_epi16(a.v, b.v)}; }

inline Sixteen magnitudes(Sixteen a) { return {_mm512_abs_epi16(a.v)}; }

template <int kRight>
inline Sixteen moved(Sixteen a) {
  if constexpr (kRight >= 0)
    return {_mm512_srli_epi16(a.v, kRight)};
  else
    return {_mm512_slli_epi16(a.v, -kRight)};
}
template <int kLeft>
inline Sixteen shifted_ints(Sixteen a) {
  return {_mm512_slli_epi32(a.v, kLeft)};
}
// Words moved right by kRight bits, with their signs; only AMX asks for it.
template <int kRight>
inline Sixteen signed_moved(Sixteen a) {
  return {_mm512_srai_epi16(a.v, kRight)};
}
inline Sixteen multiply_ints(Sixteen a, Sixteen b) { return {_mm512_mullo_epi32(a.v, b.v)}; }
template <int kRight>
inline Sixteen upper_bits(Sixteen a) {
  return {_mm512_srai_epi32(a.v, kRight)};
}
inline Sixteen look_up(const uint8_t* table, Sixteen a) {
  const __m512i t =
      _mm512_broadcast_i32x4(_mm_loadu_si128(reinterpret_cast<const __m128i*>(table)));
  return {_mm512_shuffle_epi8(t, a.v)};
}
inline Sixteen words_of(Sixteen a, int pair) {
  const __m128i first = _mm_setr_epi8(0, -1, 1, -1, 4, -1, 5, -1, 8, -1, 9, -1, 12, -1, 13, -1);
  const __m128i second = _mm_setr_epi8(2, -1, 3, -1, 6, -1, 7, -1, 10, -1, 11, -1, 14, -1, 15, -1);
  return {_mm512_shuffle_epi8(a.v, _mm512_broadcast_i32x4(pair ? second : first))};
}
inline Sixteen doubled_words(__m128i bytes) {
  const __m256i low = _mm256_cvtepi8_epi16(_mm_unpacklo_epi8(bytes, bytes));
  const __m256i high = _mm256_cvtepi8_epi16(_mm_unpackhi_epi8(bytes, bytes));
  return {_mm512_inserti64x4(_mm512_castsi256_si512(low), high, 1)};
}
inline Sixteen int_lanes(__m128i bytes) { return {_mm512_cvtepi8_epi32(bytes)}; }
inline Sixteen paired_words(__m128i a, __m128i b) {
  const __m256i low = _mm256_cvtepi8_epi16(_mm_unpacklo_epi8(a, b));
  const __m256i high = _mm256_cvtepi8_epi16(_mm_unpackhi_epi8(a, b));
  return {_mm512_inserti64x4(_mm512_castsi256_si512(low), high, 1)};
}
inline Lanes floats_of(Sixteen a) { return {_mm512_cvtepi32_ps(a.v)}; }
inline Lanes multiply_minus(Lanes a, Lanes b, Lanes c) { return {_mm512_fnmadd_ps(a.v, b.v, c.v)}; }

}  // namespace
}  // namespace weir
