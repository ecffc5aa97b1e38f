// Thirty-two bytes as a plain array: the definition of what bytes_avx2-inl.h must do. Both declare
// the names that formats-inl.h and what stands on it are written over.
#pragma once
#include <cstddef>
#include <cstdint>

#include "kernels/lanes/lanes_scalar-inl.h"

namespace weir {
namespace {

struct Bytes {
  uint8_t v[32];
};

// Activation rows and weight rows of one tile of integer products; with one activation row, weight
// rows are not spread out first.
constexpr int kIntegerRows = 1, kIntegerColumns = 1;

// Not inlined, nor is anything below that loops: unrolled within unrolled blocks, compiling took
// minutes, and this is for reference.
template <class F>
[[gnu::noinline]] Bytes each_byte(F f) {
  Bytes r;
  for (int i = 0; i < 32; ++i) r.v[i] = uint8_t(f(i));
  return r;
}

inline Bytes load_bytes(const void* p) {
  return each_byte([&](int i) { return static_cast<const uint8_t*>(p)[i]; });
}
// Of sixteen bytes: the low four bits of byte i are element i, the high ones element i + 16.
inline Bytes load_nibbles(const uint8_t* p) {
  return each_byte([&](int i) { return i < 16 ? p[i] & 15 : p[i - 16] >> 4; });
}
// Each byte moved right by kRight bits (left when negative), then masked. The mask has only bits
// that come from the same byte.
template <int kRight>
inline Bytes bits(Bytes a, int mask) {
  constexpr int kLeft = kRight < 0 ? -kRight : 0;
  return each_byte([&](int i) { return (a.v[i] << kLeft >> (kRight + kLeft)) & mask; });
}
inline Bytes operator|(Bytes a, Bytes b) {
  return each_byte([&](int i) { return a.v[i] | b.v[i]; });
}
// Byte i is `value` where bit i is set, else 0; the bits are little-endian in four bytes.
inline Bytes spread_bits(const uint8_t* p, int value) {
  return each_byte([&](int i) { return p[i / 8] >> (i % 8) & 1 ? value : 0; });
}
inline Bytes minus(Bytes a, int b) {
  return each_byte([&](int i) { return a.v[i] - b; });
}
// table[a] for bytes below 16.
inline Bytes look_up(const int8_t* table, Bytes a) {
  return each_byte([&](int i) { return table[a.v[i]]; });
}

// A half (narrow_floats.h has the definition): the bits of an f32 whose exponent is too small by a
// constant, subnormal ones included.
inline float half_at(const uint8_t* p) {
  const uint32_t h = p[0] | uint32_t(p[1]) << 8, size = h & 0x7fff;
  const float x =
      size >= 0x7c00 ? float_of(0x7f800000 | size << 13) : float_of(size << 13) * 0x1p112f;
  return h & 0x8000 ? -x : x;
}

// Sixteen 16-bit integers, eight 32-bit ones, eight floats: what products of bytes become.
struct Words {
  int16_t v[16];
};
struct Ints {
  int32_t v[8];
};
struct Eight {
  float v[8];
};

template <class F>
[[gnu::noinline]] Words each_word(F f) {
  Words r;
  for (int i = 0; i < 16; ++i) r.v[i] = int16_t(f(i));
  return r;
}
template <class F>
[[gnu::noinline]] Ints each_int(F f) {
  Ints r;
  for (int i = 0; i < 8; ++i) r.v[i] = f(i);
  return r;
}
template <class F>
[[gnu::noinline]] Eight each_of_eight(F f) {
  Eight r;
  for (int i = 0; i < 8; ++i) r.v[i] = f(i);
  return r;
}

inline Ints splat_int(int x) {
  return each_int([&](int) { return x; });
}
inline Words splat_word(int x) {
  return each_word([&](int) { return x; });
}
inline Words load_words(const int16_t* p) {
  return each_word([&](int i) { return p[i]; });
}
inline void store_words(int16_t* p, Words a) {
  for (int i = 0; i < 16; ++i) p[i] = a.v[i];
}
inline int signed_byte(uint64_t words, int i) { return int8_t(words >> 8 * i & 255); }
// Sixteen bytes in two words, the lowest first: those at even places, then those at odd ones; and
// eight bytes twice.
inline Words split_bytes(const uint64_t* p) {
  return each_word([&](int i) {
    const int at = i < 8 ? 2 * i : 2 * i - 15;
    return signed_byte(p[at / 8], at % 8);
  });
}
inline Words double_bytes(uint64_t eight) {
  return each_word([&](int i) { return signed_byte(eight, i % 8); });
}
// Word j of the first half eight times, then word j of the second.
template <int j>
inline Words select_word(Words a) {
  return each_word([&](int i) { return a.v[i / 8 * 8 + j]; });
}
inline Words operator*(Words a, Words b) {
  return each_word([&](int i) { return a.v[i] * b.v[i]; });
}
// The bytes at even and at odd places.
template <bool kSigned>
inline int number_of(uint8_t byte) {
  return kSigned ? int8_t(byte) : byte;
}
template <bool kSigned>
inline Words even_words(Bytes a) {
  return each_word([&](int i) { return number_of<kSigned>(a.v[2 * i]); });
}
template <bool kSigned>
inline Words odd_words(Bytes a) {
  return each_word([&](int i) { return number_of<kSigned>(a.v[2 * i + 1]); });
}
// Of 32 words, those at even places, then those at odd ones.
inline void even_first(int16_t* p) {
  int16_t before[32];
  __builtin_memcpy(before, p, sizeof before);
  for (int i = 0; i < 32; ++i) p[i] = before[i < 16 ? 2 * i : 2 * i - 31];
}
inline Ints multiply_pairs(Words a, Words b) {
  return each_int([&](int i) { return a.v[2 * i] * b.v[2 * i] + a.v[2 * i + 1] * b.v[2 * i + 1]; });
}
inline Ints operator+(Ints a, Ints b) {
  return each_int([&](int i) { return a.v[i] + b.v[i]; });
}
inline void store_ints(int32_t* p, Ints a) {
  for (int i = 0; i < 8; ++i) p[i] = a.v[i];
}

inline Eight splat_eight(float x) {
  return each_of_eight([&](int) { return x; });
}
inline Eight splat_half_eight(const uint8_t* p) { return splat_eight(half_at(p)); }
inline Eight load_eight(const float* p) {
  return each_of_eight([&](int i) { return p[i]; });
}
inline void store_eight(float* p, Eight a) { __builtin_memcpy(p, a.v, sizeof a.v); }
// Eight unsigned bytes; of sixteen, those at even (parity 0) or odd places.
inline Eight numbers_of(uint64_t bytes) {
  return each_of_eight([&](int i) { return float(bytes >> 8 * i & 255); });
}
inline Eight numbers_of(const uint64_t* bytes, int parity) {
  return each_of_eight([&](int i) {
    const int at = 2 * i + parity;
    return float(bytes[at / 8] >> at % 8 * 8 & 255);
  });
}
// `count` halves, kStride bytes apart, then zeros.
template <int kStride>
inline Eight halves_at(const uint8_t* p, int count) {
  return each_of_eight([&](int i) { return i < count ? half_at(p + i * kStride) : 0.f; });
}
inline Eight floats_of(Ints a) {
  return each_of_eight([&](int i) { return float(a.v[i]); });
}
inline Eight operator*(Eight a, Eight b) {
  return each_of_eight([&](int i) { return a.v[i] * b.v[i]; });
}
inline Eight fma(Eight a, Eight b, Eight c) {
  return each_of_eight([&](int i) { return fused(a.v[i], b.v[i], c.v[i]); });
}
// c - a * b, rounded once.
inline Eight minus_product(Eight a, Eight b, Eight c) {
  return each_of_eight([&](int i) { return fused(-a.v[i], b.v[i], c.v[i]); });
}
// Pairs (i, i+4), then (i, i+2), then (i, i+1).
inline float sum_of(Eight a) {
  for (int step = 4; step >= 1; step /= 2)
    for (int i = 0; i < step; ++i) a.v[i] = a.v[i] + a.v[i + step];
  return a.v[0];
}
// The low 16 bits of every lane's representation.
inline void store_low_words(int16_t* p, Lanes a) {
  for (int i = 0; i < 16; ++i) p[i] = int16_t(bits_of(a.v[i]) & 0xffff);
}

}  // namespace
}  // namespace weir
