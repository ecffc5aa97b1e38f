// Halves and codes of four bits, as quantize.cpp and the encoders of single blocks store them.
#pragma once
#include <cstdint>

#include "kernels/quant/narrow_floats.h"

namespace weir {

inline void put_half(uint8_t* b, uint16_t half) {
  b[0] = uint8_t(half);
  b[1] = uint8_t(half >> 8);
}

// Codes j and j + 16 share byte j, the first one its low half.
inline void put_two_codes(uint8_t* qs, const uint8_t* codes) {
  for (int j = 0; j < 16; ++j) qs[j] = uint8_t((codes[j] & 15) | (codes[j + 16] & 15) << 4);
}

// The nearest half; numbers beyond the range become the largest.
uint16_t finite_half(float x);
// The half that stores a scale: never infinite, and 0 only for 0, because a group can use a
// multiple or a code smaller than planned but not a larger one. For the same reason subnormals,
// whose steps are coarse, are rounded up.
uint16_t half_of_scale(float scale);

}  // namespace weir
