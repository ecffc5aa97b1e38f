// Activation rows quantized for integer products: integers of 12 bits, one scale for every 256
// numbers. Two bits fewer would show in the perplexity (docs/quantization.md); with more, the sum
// of a block of 256 would not fit 32 bits for every type of weight.
#pragma once
#include <cstddef>
#include <cstdint>

namespace weir {

// Numbers that share a scale. The last section of a row may have fewer; zeros follow them.
constexpr int kSection = 256;
// With it the sum of a block stays below 2^31 for every type: 256 products of at most 4096 (q6_k)
// times this.
constexpr int kLargestInteger = 2047;

// A row is one section after another. The integers are there twice: as words, and cut into two
// bytes for processors that multiply bytes, with word = 64 * high + low and both from -32 to 32.
struct QuantizedSection {
  float scale;       // number = word * scale
  int32_t zeros[7];  // so that the arrays begin at multiples of 32 bytes
  int16_t sums[16];  // of every 16 words
  int8_t high[kSection], low[kSection];
  int16_t words[kSection];
};
static_assert(sizeof(QuantizedSection) == 17 * 64);

// Bytes of a row of `inner` numbers, a multiple of 64.
constexpr size_t quantized_row_bytes(int inner) {
  return (size_t(inner) + kSection - 1) / kSection * sizeof(QuantizedSection);
}

}  // namespace weir
