// Fields of stored blocks, one at a time; for the definitions (dequantize*.cpp).
#pragma once
#include <cstdint>

#include "kernels/quant/narrow_floats.h"

namespace weir {

inline uint16_t half_bits_at(const uint8_t* b) { return uint16_t(b[0] | b[1] << 8); }
inline float scale_at(const uint8_t* b) { return f16_to_f32(half_bits_at(b)); }
inline uint32_t four_bytes_at(const uint8_t* b) {
  return uint32_t(b[0]) | uint32_t(b[1]) << 8 | uint32_t(b[2]) << 16 | uint32_t(b[3]) << 24;
}
// The low four bits of byte j are element j, the high ones element j + 16.
inline int nibble_at(const uint8_t* qs, int i) { return i < 16 ? qs[i] & 15 : qs[i - 16] >> 4; }
// Byte i, from the lowest on, with its sign.
inline int signed_byte(uint64_t bytes, int i) { return int8_t(bytes >> 8 * i & 255); }

}  // namespace weir
