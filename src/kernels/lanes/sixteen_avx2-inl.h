// Sixteen lanes of 32 bits, one for each row of a panel, in two AVX2 registers. A lane is four
// bytes, two words or one integer. products_*-inl.h multiply them. Written over lanes_avx2-inl.h.
#pragma once
#include <immintrin.h>

#include <cstddef>
#include <cstdint>

namespace weir {
namespace {

struct Sixteen {
  __m256i low, high;  // lanes 0..7 and 8..15
};

// g++ 12 else copies sums of a loop before it adds to them.
[[gnu::always_inline]] inline void keep_in_register(Sixteen& a) {
  asm("" : "+x"(a.low), "+x"(a.high));
}

inline Sixteen load_lanes(const void* p) {
  const __m256i* at = static_cast<const __m256i*>(p);
  return {_mm256_loadu_si256(at), _mm256_loadu_si256(at + 1)};
}
inline void store_lanes(void* p, Sixteen a) {
  __m256i* at = static_cast<__m256i*>(p);
  _mm256_storeu_si256(at, a.low);
  _mm256_storeu_si256(at + 1, a.high);
}
// The same four bytes in every lane.
inline Sixteen splat_lane(const void* p) {
  int32_t x;
  __builtin_memcpy(&x, p, sizeof x);
  const __m256i all = _mm256_set1_epi32(x);
  return {all, all};
}
inline Sixteen splat_int(int x) { return {_mm256_set1_epi32(x), _mm256_set1_epi32(x)}; }
inline Sixteen splat_words(int x) {
  return {_mm256_set1_epi16(int16_t(x)), _mm256_set1_epi16(int16_t(x))};
}
inline Sixteen splat_byte(int x) { return {_mm256_set1_epi8(char(x)), _mm256_set1_epi8(char(x))}; }

#define WEIR_LANES(name, operation)                              \
  inline Sixteen name(Sixteen a, Sixteen b) {                    \
    return {operation(a.low, b.low), operation(a.high, b.high)}; \
  }
WEIR_LANES(operator&, _mm256_and_si256)
WEIR_LANES(operator|, _mm256_or_si256)
WEIR_LANES(operator^, _mm256_xor_si256)
WEIR_LANES(operator+, _mm256_add_epi32)
WEIR_LANES(operator-, _mm256_sub_epi32)
WEIR_LANES(subtract_words, _mm256_sub_epi16)
WEIR_LANES(multiply_words, _mm256_mullo_epi16)
WEIR_LANES(multiply_ints, _mm256_mullo_epi32)
#undef WEIR_LANES

inline Sixteen magnitudes(Sixteen a) {  // of words
  return {_mm256_abs_epi16(a.low), _mm256_abs_epi16(a.high)};
}

// Words moved right by kRight bits, left when negative.
template <int kRight>
inline Sixteen moved(Sixteen a) {
  if constexpr (kRight >= 0)
    return {_mm256_srli_epi16(a.low, kRight), _mm256_srli_epi16(a.high, kRight)};
  else
    return {_mm256_slli_epi16(a.low, -kRight), _mm256_slli_epi16(a.high, -kRight)};
}
// Integers moved left by kLeft bits.
template <int kLeft>
inline Sixteen shifted_ints(Sixteen a) {
  return {_mm256_slli_epi32(a.low, kLeft), _mm256_slli_epi32(a.high, kLeft)};
}
// Integers moved right by kRight bits, the sign following.
template <int kRight>
inline Sixteen upper_bits(Sixteen a) {
  return {_mm256_srai_epi32(a.low, kRight), _mm256_srai_epi32(a.high, kRight)};
}
// Bytes below 16 become table[byte].
inline Sixteen look_up(const uint8_t* table, Sixteen a) {
  const __m256i t =
      _mm256_broadcastsi128_si256(_mm_loadu_si128(reinterpret_cast<const __m128i*>(table)));
  return {_mm256_shuffle_epi8(t, a.low), _mm256_shuffle_epi8(t, a.high)};
}
// Bytes 2 * pair and 2 * pair + 1 of every lane, without a sign, as its two words.
inline Sixteen words_of(Sixteen a, int pair) {
  const __m256i first = _mm256_setr_epi8(0, -1, 1, -1, 4, -1, 5, -1, 8, -1, 9, -1, 12, -1, 13, -1,
                                         0, -1, 1, -1, 4, -1, 5, -1, 8, -1, 9, -1, 12, -1, 13, -1);
  const __m256i second =
      _mm256_setr_epi8(2, -1, 3, -1, 6, -1, 7, -1, 10, -1, 11, -1, 14, -1, 15, -1, 2, -1, 3, -1, 6,
                       -1, 7, -1, 10, -1, 11, -1, 14, -1, 15, -1);
  const __m256i order = pair ? second : first;
  return {_mm256_shuffle_epi8(a.low, order), _mm256_shuffle_epi8(a.high, order)};
}
// Byte r with its sign, as both words of lane r.
inline Sixteen doubled_words(__m128i bytes) {
  const __m256i both = _mm256_broadcastsi128_si256(bytes);
  const __m256i low = _mm256_setr_epi8(-1, 0, -1, 0, -1, 1, -1, 1, -1, 2, -1, 2, -1, 3, -1, 3, -1,
                                       4, -1, 4, -1, 5, -1, 5, -1, 6, -1, 6, -1, 7, -1, 7);
  const __m256i high =
      _mm256_setr_epi8(-1, 8, -1, 8, -1, 9, -1, 9, -1, 10, -1, 10, -1, 11, -1, 11, -1, 12, -1, 12,
                       -1, 13, -1, 13, -1, 14, -1, 14, -1, 15, -1, 15);
  return {_mm256_srai_epi16(_mm256_shuffle_epi8(both, low), 8),
          _mm256_srai_epi16(_mm256_shuffle_epi8(both, high), 8)};
}
// Byte r with its sign, as lane r.
inline Sixteen int_lanes(__m128i bytes) {
  return {_mm256_cvtepi8_epi32(bytes), _mm256_cvtepi8_epi32(_mm_unpackhi_epi64(bytes, bytes))};
}
// Bytes a[r] and b[r] with their signs, as the words of lane r.
inline Sixteen paired_words(__m128i a, __m128i b) {
  return {_mm256_cvtepi8_epi16(_mm_unpacklo_epi8(a, b)),
          _mm256_cvtepi8_epi16(_mm_unpackhi_epi8(a, b))};
}
inline Lanes floats_of(Sixteen a) {
  return {_mm256_cvtepi32_ps(a.low), _mm256_cvtepi32_ps(a.high)};
}
inline Lanes multiply_minus(Lanes a, Lanes b, Lanes c) {  // c - a * b, rounded once
  return {_mm256_fnmadd_ps(a.low, b.low, c.low), _mm256_fnmadd_ps(a.high, b.high, c.high)};
}

}  // namespace
}  // namespace weir
