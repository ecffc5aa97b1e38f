// Thirty-two bytes in one AVX2 register, for the AVX2 and the AVX-512 table. bytes_scalar-inl.h
// says what each function means. Written over one lanes_*-inl.h, included before it.
#pragma once
#include <immintrin.h>

#include <cstddef>
#include <cstdint>

namespace weir {
namespace {

struct Bytes {
  __m256i v;
};

inline __m128i load_sixteen(const void* p) {
  return _mm_loadu_si128(static_cast<const __m128i*>(p));
}
inline Bytes load_bytes(const void* p) {
  return {_mm256_loadu_si256(static_cast<const __m256i*>(p))};
}
inline void store_bytes(void* p, Bytes a) { _mm256_storeu_si256(static_cast<__m256i*>(p), a.v); }
inline Bytes load_nibbles(const uint8_t* p) {
  const __m128i low = load_sixteen(p);
  const __m256i both =
      _mm256_inserti128_si256(_mm256_castsi128_si256(low), _mm_srli_epi16(low, 4), 1);
  return {_mm256_and_si256(both, _mm256_set1_epi8(15))};
}
template <int kRight>
inline Bytes bits(Bytes a, int mask) {
  constexpr int kLeft = kRight < 0 ? -kRight : 0;
  const __m256i moved = _mm256_srli_epi16(_mm256_slli_epi16(a.v, kLeft), kRight + kLeft);
  return {_mm256_and_si256(moved, _mm256_set1_epi8(char(mask)))};
}
inline Bytes operator|(Bytes a, Bytes b) { return {_mm256_or_si256(a.v, b.v)}; }
inline Bytes spread_bits(const uint8_t* p, int value) {
  int32_t word;
  __builtin_memcpy(&word, p, sizeof word);
  const __m256i byte_of =
      _mm256_setr_epi64x(0, 0x0101010101010101, 0x0202020202020202, 0x0303030303030303);
  const __m256i bit_of = _mm256_set1_epi64x(int64_t(0x8040201008040201));
  const __m256i copies = _mm256_shuffle_epi8(_mm256_set1_epi32(word), byte_of);
  const __m256i set = _mm256_cmpeq_epi8(_mm256_and_si256(copies, bit_of), bit_of);
  return {_mm256_and_si256(set, _mm256_set1_epi8(char(value)))};
}
inline Bytes minus(Bytes a, int b) { return {_mm256_sub_epi8(a.v, _mm256_set1_epi8(char(b)))}; }
inline Bytes look_up(const int8_t* table, Bytes a) {
  return {_mm256_shuffle_epi8(_mm256_broadcastsi128_si256(load_sixteen(table)), a.v)};
}

// For dequantize-inl.h, which the scalar table does without. Bytes 0..15 or 16..31, signed, as
// floats; the same of sixteen in two words, the lowest first.
inline Lanes numbers(Bytes a, int half) {
  return widen_bytes(half ? _mm256_extracti128_si256(a.v, 1) : _mm256_castsi256_si128(a.v));
}
inline __m128i sixteen_of(const uint64_t* p) {
  return _mm_set_epi64x(int64_t(p[1]), int64_t(p[0]));
}
inline Lanes numbers(const uint64_t* p) { return widen_bytes(sixteen_of(p)); }
inline __m256i splat_bits16(const uint8_t* p) {
  int16_t bits16;
  __builtin_memcpy(&bits16, p, sizeof bits16);
  return _mm256_set1_epi16(bits16);
}
inline __m256 eight_halves(const uint8_t* p) {
  return _mm256_cvtph_ps(_mm256_castsi256_si128(splat_bits16(p)));
}
inline float half_at(const uint8_t* p) { return _mm256_cvtss_f32(eight_halves(p)); }
inline Lanes splat_half(const uint8_t* p) { return widen_halves(splat_bits16(p)); }
inline Lanes load_f16(const uint8_t* p) { return widen_halves(load_bytes(p).v); }
inline Lanes load_bf16(const uint8_t* p) { return load(reinterpret_cast<const uint16_t*>(p)); }
// As halves, with the exponent too small by 8: exact, as halves have more bits everywhere.
inline Lanes load_f8(const uint8_t* p) {
  const __m256i wide = _mm256_cvtepu8_epi16(load_sixteen(p));
  const __m256i sign = _mm256_slli_epi16(_mm256_srli_epi16(wide, 7), 15);
  const __m256i size = _mm256_and_si256(_mm256_slli_epi16(wide, 7), _mm256_set1_epi16(0x3f80));
  const __m256i nan = _mm256_srli_epi16(_mm256_cmpeq_epi16(size, _mm256_set1_epi16(0x3f80)), 1);
  return widen_halves(_mm256_or_si256(_mm256_or_si256(size, nan), sign)) * splat(256);
}

inline __m256i sixteen_words(const int16_t* p) {
  return _mm256_loadu_si256(reinterpret_cast<const __m256i*>(p));
}
inline Bytes packed(__m256i a, __m256i b) {
  return {_mm256_permute4x64_epi64(_mm256_packs_epi16(a, b), 0xd8)};
}
inline void cut_words(const int16_t* words, int8_t* high, int8_t* low) {
  const __m256i a = sixteen_words(words), b = sixteen_words(words + 16);
  const __m256i half = _mm256_set1_epi16(64);
  const __m256i high_a = _mm256_srai_epi16(_mm256_add_epi16(a, half), 7);
  const __m256i high_b = _mm256_srai_epi16(_mm256_add_epi16(b, half), 7);
  store_bytes(high, packed(high_a, high_b));
  store_bytes(low, packed(_mm256_sub_epi16(a, _mm256_slli_epi16(high_a, 7)),
                          _mm256_sub_epi16(b, _mm256_slli_epi16(high_b, 7))));
}

inline void sums_of_bytes(const int8_t* bytes, int16_t* sums) {
  // Bytes without a sign, 128 too large, are added by eights.
  const __m256i top = _mm256_set1_epi8(char(0x80));
  const __m256i eights =
      _mm256_sad_epu8(_mm256_xor_si256(load_bytes(bytes).v, top), _mm256_setzero_si256());
  const __m256i both = _mm256_add_epi64(eights, _mm256_bsrli_epi128(eights, 8));
  sums[0] = int16_t(_mm256_extract_epi16(both, 0) - 16 * 128);
  sums[1] = int16_t(_mm256_extract_epi16(both, 8) - 16 * 128);
}

}  // namespace
}  // namespace weir
