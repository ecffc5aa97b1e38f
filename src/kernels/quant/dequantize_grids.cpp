// What the bytes of the IQ1, IQ2 and IQ3 types mean (ggml-common.h and ggml-quants.c of llama.cpp,
// checked bit for bit by blocks_test.cpp): points of a grid, their signs, and a scale for every 16
// or 32 numbers. The vectorised forms are those of stepped_formats-inl.h.
#include <bit>

#include "kernels/quant/block_bytes.h"
#include "kernels/quant/grids.h"
#include "kernels/quant/types.h"

namespace weir {
namespace {

// Seven signs, and an eighth that makes the number of negative ones even.
int with_parity(uint32_t seven) { return int(seven | uint32_t(std::popcount(seven) & 1) << 7); }

// Eight numbers from i on: magnitudes, signs (bit k of number k), the step.
void put_eight(uint64_t magnitudes, int signs, float step, float* y) {
  for (int k = 0; k < 8; ++k) {
    const float size = step * float(magnitudes >> 8 * k & 255);
    y[k] = signs >> k & 1 ? -size : size;
  }
}

// Two codes of four numbers each, as eight.
uint64_t joined(uint64_t first, uint64_t second) { return first | second << 32; }

int four_bits(const uint8_t* scales, int i) { return scales[i / 2] >> (4 * (i % 2)) & 15; }

}  // namespace

void decoders::iq2_xxs(const uint8_t* b, float* y) {
  const float d = scale_at(b);
  for (int j = 0; j < 8; ++j) {  // of 32 numbers: four codes, then four times seven signs, a scale
    const uint8_t* codes = b + 2 + 8 * j;
    const uint32_t rest = four_bytes_at(codes + 4);
    const float step = d * (0.5f + float(rest >> 28)) * 0.25f;
    for (int k = 0; k < 4; ++k)
      put_eight(kGrid2xxs.points[codes[k]], with_parity(rest >> (7 * k) & 127), step,
                y + 32 * j + 8 * k);
  }
}

void decoders::iq2_xs(const uint8_t* b, float* y) {
  const float d = scale_at(b);
  for (int k = 0; k < 32; ++k) {  // of 8 numbers: nine bits of a code, seven signs
    const uint32_t code = half_bits_at(b + 2 + 2 * k);
    const float step = d * (0.5f + float(four_bits(b + 66, k / 2))) * 0.25f;
    put_eight(kGrid2xs.points[code & 511], with_parity(code >> 9), step, y + 8 * k);
  }
}

void decoders::iq2_s(const uint8_t* b, float* y) {
  const uint8_t *codes = b + 2, *signs = b + 34, *high = b + 66, *scales = b + 74;
  const float d = scale_at(b);
  for (int k = 0; k < 32; ++k) {
    const int code = codes[k] | (high[k / 4] >> (2 * (k % 4)) & 3) << 8;
    const float step = d * (0.5f + float(four_bits(scales, k / 2))) * 0.25f;
    put_eight(kGrid2s.points[code], signs[k], step, y + 8 * k);
  }
}

void decoders::iq3_xxs(const uint8_t* b, float* y) {
  const float d = scale_at(b);
  for (int j = 0; j < 8; ++j) {
    const uint8_t* codes = b + 2 + 8 * j;
    const uint32_t rest = four_bytes_at(b + 66 + 4 * j);
    const float step = d * (0.5f + float(rest >> 28)) * 0.5f;
    for (int k = 0; k < 4; ++k)
      put_eight(joined(kGrid3xxs.points[codes[2 * k]], kGrid3xxs.points[codes[2 * k + 1]]),
                with_parity(rest >> (7 * k) & 127), step, y + 32 * j + 8 * k);
  }
}

void decoders::iq3_s(const uint8_t* b, float* y) {
  const uint8_t *codes = b + 2, *high = b + 66, *signs = b + 74, *scales = b + 106;
  const float d = scale_at(b);
  const auto point = [&](int i) {
    return kGrid3s.points[codes[i] | (high[i / 8] >> (i % 8) & 1) << 8];
  };
  for (int k = 0; k < 32; ++k) {
    const float step = d * float(1 + 2 * four_bits(scales, k / 4));
    put_eight(joined(point(2 * k), point(2 * k + 1)), signs[k], step, y + 8 * k);
  }
}

namespace {

// Eight numbers of IQ1: a point of -1, 0 and 1, moved by an eighth.
void put_moved(uint64_t point, bool is_below, float step, float* y) {
  const float shift = is_below ? -0.125f : 0.125f;
  for (int k = 0; k < 8; ++k) y[k] = step * (float(signed_byte(point, k)) * 0.125f + shift);
}

}  // namespace

void decoders::iq1_s(const uint8_t* b, float* y) {
  const float d = scale_at(b);
  for (int j = 0; j < 8; ++j) {
    const int rest = half_bits_at(b + 34 + 2 * j);  // four times three bits, a scale, the shift
    const float step = d * float(2 * (rest >> 12 & 7) + 1);
    for (int k = 0; k < 4; ++k) {
      const int code = b[2 + 4 * j + k] | (rest >> (3 * k) & 7) << 8;
      put_moved(kGrid1.points[code], rest >> 15, step, y + 32 * j + 8 * k);
    }
  }
}

void decoders::iq1_m(const uint8_t* b, float* y) {
  const uint8_t *codes = b, *high = b + 32, *scales = b + 48;
  int half = 0;  // the scale of the block is the top four bits of each of four words
  for (int i = 0; i < 4; ++i) half |= half_bits_at(scales + 2 * i) >> 12 << 4 * i;
  const float d = f16_to_f32(uint16_t(half));
  for (int k = 0; k < 32; ++k) {
    const int more = high[k / 2] >> (4 * (k % 2)) & 15, group = k / 2;
    const int scale = half_bits_at(scales + 2 * (group / 4)) >> (3 * (group % 4)) & 7;
    put_moved(kGrid1.points[codes[k] | (more & 7) << 8], more & 8, d * float(2 * scale + 1),
              y + 8 * k);
  }
}

}  // namespace weir
