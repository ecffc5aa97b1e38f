// Narrow floating-point numbers to f32 and back, one at a time: the definition that the vectorised
// conversions follow.
#pragma once
#include <bit>
#include <cstdint>

namespace weir {

inline float bf16_to_f32(uint16_t h) { return std::bit_cast<float>(uint32_t(h) << 16); }

// Round to nearest, ties to even; NaN stays NaN, quiet.
inline uint16_t f32_to_bf16(float x) {
  const uint32_t bits = std::bit_cast<uint32_t>(x);
  if ((bits & 0x7fffffff) > 0x7f800000) return uint16_t(bits >> 16 | 0x40);
  return uint16_t((bits + 0x7fff + (bits >> 16 & 1)) >> 16);
}

// IEEE 754 binary16.
inline float f16_to_f32(uint16_t h) {
  const uint32_t sign = uint32_t(h & 0x8000) << 16, exponent = h >> 10 & 31, mantissa = h & 1023;
  if (exponent == 0) {  // zero and subnormals: mantissa * 2^-24
    const float value = float(mantissa) * 0x1p-24f;
    return sign ? -value : value;
  }
  return std::bit_cast<float>(exponent == 31 ? sign | 0x7f800000 | mantissa << 13
                                             : sign | (exponent + 112) << 23 | mantissa << 13);
}

// Round to nearest, ties to even; beyond the range infinity; NaN stays NaN, quiet.
inline uint16_t f32_to_f16(float x) {
  const uint32_t bits = std::bit_cast<uint32_t>(x), size = bits & 0x7fffffff;
  const uint16_t sign = uint16_t(bits >> 16 & 0x8000);
  if (size > 0x7f800000) return uint16_t(sign | 0x7e00 | (size >> 13 & 0x1ff));
  if (size >= 0x47800000) return uint16_t(sign | 0x7c00);  // 65536 and more
  if (size < 0x38800000) {  // subnormal: adding 0.5 leaves the rounded multiple of 2^-24 below it
    const float shifted = std::bit_cast<float>(size) + 0.5f;
    return uint16_t(sign | (std::bit_cast<uint32_t>(shifted) - 0x3f000000));
  }
  const uint32_t rounded = size + 0xfff + (size >> 13 & 1);
  return uint16_t(sign | (rounded - 0x38000000) >> 13);
}

// OCP 8-bit E4M3 ("FN": no infinities; 0x7f and 0xff are NaN; at most 448).
inline float f8_to_f32(uint8_t b) {
  const int exponent = b >> 3 & 15, mantissa = b & 7;
  float value;
  if ((b & 0x7f) == 0x7f)
    value = std::bit_cast<float>(0x7fc00000u);
  else if (exponent == 0)
    value = float(mantissa) * 0x1p-9f;
  else
    value = std::bit_cast<float>(uint32_t(exponent + 120) << 23 | uint32_t(mantissa) << 20);
  return b & 0x80 ? -value : value;
}

// OCP E2M1, by its code of four bits.
inline constexpr float kE2m1[16] = {0,    .5f,  1,  1.5f,  2,  3,  4,  6,
                                    -0.f, -.5f, -1, -1.5f, -2, -3, -4, -6};

// OCP E8M0, a power of two from 2^-127 on (255 is NaN there): half of it, since codes of E2M1 are
// looked up doubled. 255 counts as 2^128, as llama.cpp has it.
inline float half_of_e8m0(uint8_t e) {
  return std::bit_cast<float>(e < 2 ? 0x00200000u << e : uint32_t(e - 1) << 23);
}
// The same of E4M3 without a sign, whose top bit is ignored; 0x7f, NaN, counts as zero there.
inline float half_of_ue4m3(uint8_t b) {
  if (b == 0x7f) return 0;
  const int exponent = b >> 3 & 15, mantissa = b & 7;
  if (exponent == 0) return float(mantissa) * 0x1p-10f;
  return std::bit_cast<float>(uint32_t(exponent + 119) << 23 | uint32_t(mantissa) << 20);
}

}  // namespace weir
