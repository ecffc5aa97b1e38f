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

// The low 16 bits of every lane's representation.
inline void store_low_words(int16_t* p, Lanes a) {
  for (int i = 0; i < 16; ++i) p[i] = int16_t(bits_of(a.v[i]) & 0xffff);
}

// 32 words as 128 * high + low, low from -64 to 63.
inline void cut_words(const int16_t* words, int8_t* high, int8_t* low) {
  for (int k = 0; k < 32; ++k) {
    const int h = (words[k] + 64) >> 7;
    high[k] = int8_t(h);
    low[k] = int8_t(words[k] - 128 * h);
  }
}
// The sums of the first 16 of 32 bytes with their signs, and of the others.
inline void sums_of_bytes(const int8_t* bytes, int16_t* sums) {
  for (int j = 0; j < 2; ++j) {
    int total = 0;
    for (int k = 16 * j; k < 16 * (j + 1); ++k) total += bytes[k];
    sums[j] = int16_t(total);
  }
}

}  // namespace
}  // namespace weir
