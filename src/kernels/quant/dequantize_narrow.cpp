// What the bytes of ternary and one-bit types and of four-bit floats mean (ggml-common.h and
// ggml-quants.c of llama.cpp). The vectorised forms are those of stepped_formats-inl.h.
#include <bit>

#include "kernels/quant/block_bytes.h"
#include "kernels/quant/types.h"

namespace weir {
namespace {

// Digit `at` of five in base 3. The byte is the fraction digits / 243, scaled to 256 and rounded
// up, so that multiplying and dropping the carry moves a digit to the top.
int ternary_digit(uint8_t byte, int at) {
  constexpr uint8_t kPowers[] = {1, 3, 9, 27, 81};
  return uint8_t(byte * kPowers[at]) * 3 >> 8;
}

}  // namespace

void decoders::tq1_0(const uint8_t* b, float* y) {
  const float d = scale_at(b + 52);
  for (int i = 0; i < 256; ++i) {
    int digit;
    if (i < 160)
      digit = ternary_digit(b[i % 32], i / 32);
    else if (i < 240)
      digit = ternary_digit(b[32 + i % 16], (i - 160) / 16);
    else
      digit = ternary_digit(b[48 + i % 4], (i - 240) / 4);
    y[i] = d * float(digit - 1);
  }
}

void decoders::tq2_0(const uint8_t* b, float* y) {
  const float d = scale_at(b + 64);
  for (int i = 0; i < 256; ++i)
    y[i] = d * float((b[i / 128 * 32 + i % 32] >> (2 * (i % 128 / 32)) & 3) - 1);
}

void decoders::mxfp4(const uint8_t* b, float* y) {
  const float half = half_of_e8m0(b[0]);
  for (int i = 0; i < 32; ++i) y[i] = half * float(kTwiceE2M1[nibble_at(b + 1, i)]);
}

void decoders::nvfp4(const uint8_t* b, float* y) {
  for (int i = 0; i < 64; ++i) {
    const int part = i / 16, within = i % 16;
    const uint8_t byte = b[4 + 8 * part + within % 8];
    y[i] = half_of_ue4m3(b[part]) * float(kTwiceE2M1[within < 8 ? byte & 15 : byte >> 4]);
  }
}

void decoders::q1_0(const uint8_t* b, float* y) {
  const float d = scale_at(b);
  for (int i = 0; i < 128; ++i) y[i] = b[2 + i / 8] >> (i % 8) & 1 ? d : -d;
}

void decoders::q2_0(const uint8_t* b, float* y) {
  const float d = scale_at(b);
  for (int i = 0; i < 64; ++i) y[i] = d * float((b[2 + i / 4] >> (2 * (i % 4)) & 3) - 1);
}

}  // namespace weir
