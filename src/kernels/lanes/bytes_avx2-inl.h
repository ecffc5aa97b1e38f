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

constexpr int kIntegerRows = 4, kIntegerColumns = 2;

inline __m128i load_sixteen(const void* p) {
  return _mm_loadu_si128(static_cast<const __m128i*>(p));
}
inline Bytes load_bytes(const void* p) {
  return {_mm256_loadu_si256(static_cast<const __m256i*>(p))};
}
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

struct Words {
  __m256i v;
};
struct Ints {
  __m256i v;
};
struct Eight {
  __m256 v;
};

inline Ints splat_int(int x) { return {_mm256_set1_epi32(x)}; }
inline Words splat_word(int x) { return {_mm256_set1_epi16(int16_t(x))}; }
inline Words load_words(const int16_t* p) {
  return {_mm256_loadu_si256(reinterpret_cast<const __m256i*>(p))};
}
inline void store_words(int16_t* p, Words a) {
  _mm256_storeu_si256(reinterpret_cast<__m256i*>(p), a.v);
}
inline Words split_bytes(const uint64_t* p) {
  const __m128i order = _mm_setr_epi8(0, 2, 4, 6, 8, 10, 12, 14, 1, 3, 5, 7, 9, 11, 13, 15);
  return {_mm256_cvtepi8_epi16(_mm_shuffle_epi8(sixteen_of(p), order))};
}
inline Words double_bytes(uint64_t eight) {
  return {_mm256_cvtepi8_epi16(_mm_set1_epi64x(int64_t(eight)))};
}
template <int j>
inline Words select_word(Words a) {
  return {_mm256_shuffle_epi8(a.v, _mm256_set1_epi16(2 * j + (2 * j + 1) * 256))};
}
inline Words operator*(Words a, Words b) { return {_mm256_mullo_epi16(a.v, b.v)}; }
template <bool kSigned>
inline Words even_words(Bytes a) {
  if constexpr (kSigned) return {_mm256_srai_epi16(_mm256_slli_epi16(a.v, 8), 8)};
  return {_mm256_and_si256(a.v, _mm256_set1_epi16(255))};
}
template <bool kSigned>
inline Words odd_words(Bytes a) {
  return {kSigned ? _mm256_srai_epi16(a.v, 8) : _mm256_srli_epi16(a.v, 8)};
}
inline void even_first(int16_t* p) {
  const __m256i a = load_words(p).v, b = load_words(p + 16).v;
  const __m256i low = _mm256_set1_epi32(0xffff);
  auto joined = [](__m256i x, __m256i y) {
    return Words{_mm256_permute4x64_epi64(_mm256_packus_epi32(x, y), 0xd8)};
  };
  store_words(p, joined(_mm256_and_si256(a, low), _mm256_and_si256(b, low)));
  store_words(p + 16, joined(_mm256_srli_epi32(a, 16), _mm256_srli_epi32(b, 16)));
}
inline Ints multiply_pairs(Words a, Words b) { return {_mm256_madd_epi16(a.v, b.v)}; }
inline Ints operator+(Ints a, Ints b) { return {_mm256_add_epi32(a.v, b.v)}; }
inline void store_ints(int32_t* p, Ints a) {
  _mm256_storeu_si256(reinterpret_cast<__m256i*>(p), a.v);
}

inline Eight splat_eight(float x) { return {_mm256_set1_ps(x)}; }
inline Eight splat_half_eight(const uint8_t* p) { return {eight_halves(p)}; }
inline Eight load_eight(const float* p) { return {_mm256_loadu_ps(p)}; }
inline void store_eight(float* p, Eight a) { _mm256_storeu_ps(p, a.v); }
inline Eight numbers_of(uint64_t bytes) {
  return {_mm256_cvtepi32_ps(_mm256_cvtepu8_epi32(_mm_cvtsi64_si128(int64_t(bytes))))};
}
inline Eight numbers_of(const uint64_t* bytes, int parity) {
  const __m128i order =
      parity ? _mm_setr_epi8(1, 3, 5, 7, 9, 11, 13, 15, -1, -1, -1, -1, -1, -1, -1, -1)
             : _mm_setr_epi8(0, 2, 4, 6, 8, 10, 12, 14, -1, -1, -1, -1, -1, -1, -1, -1);
  return {_mm256_cvtepi32_ps(_mm256_cvtepu8_epi32(_mm_shuffle_epi8(sixteen_of(bytes), order)))};
}
// `count` halves, kStride bytes apart, then zeros.
template <int kStride>
inline Eight halves_at(const uint8_t* p, int count) {
  uint16_t h[8] = {};
  if (count == 8) {  // constant, so that the halves stay in registers
#pragma GCC unroll 8
    for (int i = 0; i < 8; ++i) __builtin_memcpy(h + i, p + i * kStride, sizeof *h);
  } else {
    for (int i = 0; i < count; ++i) __builtin_memcpy(h + i, p + i * kStride, sizeof *h);
  }
  return {
      _mm256_cvtph_ps(_mm_setr_epi16(int16_t(h[0]), int16_t(h[1]), int16_t(h[2]), int16_t(h[3]),
                                     int16_t(h[4]), int16_t(h[5]), int16_t(h[6]), int16_t(h[7])))};
}
inline Eight floats_of(Ints a) { return {_mm256_cvtepi32_ps(a.v)}; }
inline Eight operator*(Eight a, Eight b) { return {_mm256_mul_ps(a.v, b.v)}; }
inline Eight fma(Eight a, Eight b, Eight c) { return {_mm256_fmadd_ps(a.v, b.v, c.v)}; }
inline Eight minus_product(Eight a, Eight b, Eight c) { return {_mm256_fnmadd_ps(a.v, b.v, c.v)}; }
inline float sum_of(Eight a) {
  __m128 y = _mm_add_ps(_mm256_castps256_ps128(a.v), _mm256_extractf128_ps(a.v, 1));
  y = _mm_add_ps(y, _mm_movehl_ps(y, y));
  return _mm_cvtss_f32(_mm_add_ss(y, _mm_movehdup_ps(y)));
}

}  // namespace
}  // namespace weir
