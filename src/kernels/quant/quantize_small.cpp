// Encoders of the blocks of 32 numbers with one scale: Q4_0, Q4_1, Q5_0, Q5_1, Q8_0 and IQ4_NL.
#include <cmath>

#include "kernels/quant/quantize_encoders.h"
#include "kernels/quant/quantize_search.h"
#include "kernels/quant/types.h"

namespace weir {
namespace {

constexpr int kBlock = 32;

// Element j in the low half of byte j, element j + 16 in the high half.
// Bit i of four bytes is bit 4 of code i.
void put_fifth_bits(uint8_t* qh, const uint8_t* codes) {
  for (int byte = 0; byte < 4; ++byte) {
    unsigned bits = 0;
    for (int i = 0; i < 8; ++i) bits |= unsigned(codes[8 * byte + i] >> 4 & 1) << i;
    qh[byte] = uint8_t(bits);
  }
}

// Where the searches begin was chosen by the errors on normal numbers, on numbers with heavier
// tails and with uneven importance: it pays to try scales at which the largest number no longer
// fits.
constexpr Codes kFourBits = {.lowest = -8, .highest = 7, .first = -11, .step = 0.32f};
constexpr Codes kFiveBits = {.lowest = -16, .highest = 15, .first = -22, .step = 0.51f};
constexpr Codes kFourBitLine = {.lowest = 0, .highest = 15, .first = 13.7f, .step = 0.25f};
constexpr Codes kFiveBitLine = {.lowest = 0, .highest = 31, .first = 29.5f, .step = 0.25f};
constexpr Codes kEightBits = {.lowest = -127, .highest = 127, .first = -127, .step = 0};
constexpr Codes kCurveCodes = {.lowest = 0, .highest = 15, .first = -170, .step = 4};

// Stores the scale and gives the codes that are nearest under the scale as stored.
void with_scale(const float* x, const float* weights, const Codes& c, uint8_t* d, uint8_t* codes) {
  const Group group = {x, weights, kBlock};
  const uint16_t half = half_of_scale(search().scale(group, c).scale);
  put_half(d, half);
  search().encode(group, c, f16_to_f32(half), 0, codes);
}

void with_line(const float* x, const float* weights, const Codes& c, uint8_t* d, uint8_t* codes) {
  const Group group = {x, weights, kBlock};
  const Fit fit = search().line(group, c, false);
  const uint16_t scale = half_of_scale(fit.scale), minimum = finite_half(-fit.minimum);
  put_half(d, scale);
  put_half(d + 2, minimum);
  search().encode(group, c, f16_to_f32(scale), -f16_to_f32(minimum), codes);
}

}  // namespace

void encoders::q4_0(const float* x, const float* weights, uint8_t* block) {
  uint8_t codes[kBlock];
  with_scale(x, weights, kFourBits, block, codes);
  put_two_codes(block + 2, codes);
}
void encoders::q4_1(const float* x, const float* weights, uint8_t* block) {
  uint8_t codes[kBlock];
  with_line(x, weights, kFourBitLine, block, codes);
  put_two_codes(block + 4, codes);
}
void encoders::q5_0(const float* x, const float* weights, uint8_t* block) {
  uint8_t codes[kBlock];
  with_scale(x, weights, kFiveBits, block, codes);
  put_fifth_bits(block + 2, codes);
  put_two_codes(block + 6, codes);
}
void encoders::q5_1(const float* x, const float* weights, uint8_t* block) {
  uint8_t codes[kBlock];
  with_line(x, weights, kFiveBitLine, block, codes);
  put_fifth_bits(block + 4, codes);
  put_two_codes(block + 8, codes);
}

// The largest number becomes +-127. A search would gain nothing that 8 bits do not give already.
void encoders::q8_0(const float* x, const float* weights, uint8_t* block) {
  float most = 0;
  for (int i = 0; i < kBlock; ++i) most = std::fmax(most, std::fabs(x[i]));
  const uint16_t half = half_of_scale(most / 127);
  put_half(block, half);
  uint8_t codes[kBlock];
  search().encode({x, weights, kBlock}, kEightBits, f16_to_f32(half), 0, codes);
  for (int i = 0; i < kBlock; ++i) block[2 + i] = uint8_t(codes[i] - 127);
}

void encoders::iq4_nl(const float* x, const float* weights, uint8_t* block) {
  const Group group = {x, weights, kBlock};
  uint16_t half = half_of_scale(search().curve_scale(group, kCurveCodes).scale);
  const float scale = f16_to_f32(half);
  // No code stands for 0, so zeros may be the best there is below the smallest scales.
  if (std::fabs(scale) < 0x1p-14f && search().curve_multiple(group, {scale, 0, 1, 0}) == 0)
    half = 0;
  put_half(block, half);
  uint8_t codes[kBlock];
  search().curve_encode(group, f16_to_f32(half), codes);
  put_two_codes(block + 2, codes);
}

}  // namespace weir
