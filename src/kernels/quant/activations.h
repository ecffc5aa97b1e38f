// Activation rows quantized for integer products: integers of 14 bits, one scale for every 256
// numbers. With 12 the perplexity of short texts differed by 0.25 % from exact activations, with 14
// by less than 0.1 % (docs/quantization.md); and 14 are two bytes of seven, whose products with
// codes leave room for sums in 16 bits.
#pragma once
#include <cstddef>
#include <cstdint>

#include "base/div_up.h"

namespace weir {

// Numbers that share a scale. The last section of a row may have fewer; zeros follow them.
constexpr int kSection = 256;
constexpr int kLargestInteger = 8191;

// A row is one section after another. The integers are there twice: as words, and cut into two
// bytes for processors that multiply bytes, with word = 128 * high + low and both from -64 to 64.
struct QuantizedSection {
  float scale;                          // number = word * scale
  int32_t zeros[15];                    // so that every array begins at a multiple of 64 bytes
  int16_t sums_high[16], sums_low[16];  // of every 16 numbers: word sum = 128 * high + low
  int8_t high[kSection], low[kSection];
  int16_t words[kSection];
};
static_assert(sizeof(QuantizedSection) == 18 * 64);

// The sum of numbers [32 j, 32 j + 32).
inline int sum_of_block(const QuantizedSection& a, int j) {
  return 128 * (a.sums_high[2 * j] + a.sums_high[2 * j + 1]) + a.sums_low[2 * j] +
         a.sums_low[2 * j + 1];
}

// Bytes of a row of `inner` numbers, a multiple of 64.
constexpr size_t quantized_row_bytes(int inner) {
  return size_t(div_up(inner, kSection)) * sizeof(QuantizedSection);
}

}  // namespace weir
