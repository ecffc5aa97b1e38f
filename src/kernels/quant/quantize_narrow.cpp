// Encoders of the types whose reference (ggml-quants.c of llama.cpp, and PyPI's gguf package) makes
// no search: their bytes are the reference's, whatever the importance.
#include <algorithm>
#include <cmath>

#include "kernels/quant/narrow_floats.h"
#include "kernels/quant/quantize_encoders.h"
#include "kernels/quant/types.h"

namespace weir {
namespace {

float largest(const float* x, int count) {
  float most = 0;
  for (int i = 0; i < count; ++i) most = std::fmax(most, std::fabs(x[i]));
  return most;
}

// -1, 0 or 1 times the largest number, as 0, 1 and 2; the scale as a half.
void ternary_codes(const float* x, uint8_t* scale, uint8_t* codes) {
  const float most = largest(x, 256), inverse = most == 0 ? 0 : 1 / most;
  put_half(scale, finite_half(most));
  for (int i = 0; i < 256; ++i) codes[i] = uint8_t(int(std::round(x[i] * inverse)) + 1);
}

// Digits in base 3, `step` codes apart, the first the highest, as a fraction of 256 rounded up.
uint8_t ternary_byte(const uint8_t* codes, int digits, int step) {
  int number = 0;
  for (int n = 0; n < 5; ++n) number = 3 * number + (n < digits ? codes[n * step] : 0);
  return uint8_t((number * 256 + 242) / 243);
}

}  // namespace

void encoders::tq1_0(const float* x, const float*, uint8_t* block) {
  uint8_t codes[256];
  ternary_codes(x, block + 52, codes);
  for (int i = 0; i < 32; ++i) block[i] = ternary_byte(codes + i, 5, 32);
  for (int i = 0; i < 16; ++i) block[32 + i] = ternary_byte(codes + 160 + i, 5, 16);
  for (int i = 0; i < 4; ++i) block[48 + i] = ternary_byte(codes + 240 + i, 4, 4);
}

void encoders::tq2_0(const float* x, const float*, uint8_t* block) {
  uint8_t codes[256];
  ternary_codes(x, block + 64, codes);
  for (int i = 0; i < 64; ++i) {
    const uint8_t* four = codes + i / 32 * 128 + i % 32;
    block[i] = uint8_t(four[0] | four[32] << 2 | four[64] << 4 | four[96] << 6);
  }
}

// The power of two puts the largest number between 4 and 8, of which 6 is the largest that there
// is.
void encoders::mxfp4(const float* x, const float*, uint8_t* block) {
  const float most = largest(x, 32);
  int exponent = 0;
  if (most > 0)
    exponent = std::clamp(int(std::floor(float(std::log2(double(most))))) + 125, 0, 254);
  block[0] = uint8_t(exponent);
  const float half = half_of_e8m0(block[0]);
  uint8_t codes[32];
  for (int i = 0; i < 32; ++i) {
    int best = 0;
    for (int code = 1; code < 16; ++code)
      if (std::fabs(half * float(kTwiceE2M1[code]) - x[i]) <
          std::fabs(half * float(kTwiceE2M1[best]) - x[i]))
        best = code;
    codes[i] = uint8_t(best);
  }
  put_two_codes(block + 1, codes);
}

}  // namespace weir
