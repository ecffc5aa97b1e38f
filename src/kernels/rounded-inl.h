// Left rows rounded to eight bits, for products in integers with quantized weights: one scale for
// as many numbers as a block of the weights has. Written over one bytes_*-inl.h.
#pragma once
#include <cstddef>
#include <cstdint>

#include "kernels/vector-inl.h"

namespace weir {
namespace {

// Where a rounded row has its parts, one after another. What the minimums of the weights multiply
// comes last: for blocks of 32 an eighth of the sum of the block's bytes, a share of each lane; for
// blocks of 256 the sums of every 16 bytes, of each block first those at even places.
struct RoundedRow {
  int8_t* bytes;
  float* scales;
  float* eighths;
  int16_t* sums;

  RoundedRow() = default;
  RoundedRow(const void* row, int inner)
      : bytes(static_cast<int8_t*>(const_cast<void*>(row))),
        scales(reinterpret_cast<float*>(bytes + inner)),
        eighths(scales + inner / 32),
        sums(reinterpret_cast<int16_t*>(scales + inner / 256)) {}
};

// The scale of n numbers (a multiple of 16), whose largest becomes 127: 0 when all are nearly zero,
// NaN when one is not finite, so that this shows in the product.
inline float rounding_scale(const float* x, int n) {
  Lanes top = splat(0), not_finite = splat(0);
  for (int i = 0; i < n; i += 16) {
    const Lanes y = load(x + i);
    top = max(y, max(splat(0) - y, top));
    not_finite = fma(y, splat(0), not_finite);
  }
  const float most = lane_max(top);
  return (most < 1e-30f ? 0 : most / 127) + lane_sum(not_finite);
}

// bytes = x / scale to the nearest integer, ties to even.
inline void round_numbers(const float* x, float scale, int n, int8_t* bytes) {
  // Adding 1.5 * 2^23 rounds to an integer that stands in the low bits.
  const Lanes inverse = splat(scale > 0 ? 1 / scale : 0), magic = splat(12582912.0f);
  for (int i = 0; i < n; i += 16) store_low_bytes(bytes + i, fma(load(x + i), inverse, magic));
}

// The sum of 16 of 32 bytes.
inline void sum_halves(const int8_t* bytes, int* sums) {
  int32_t quarters[8];
  const Words pairs = multiply_pairs(splat_byte(1), load_bytes(bytes));
  store_ints(quarters, multiply_pairs(pairs, splat_word(1)));
  for (int h = 0; h < 2; ++h)
    sums[h] = quarters[4 * h] + quarters[4 * h + 1] + quarters[4 * h + 2] + quarters[4 * h + 3];
}

void round_left(WeightType type, const float* x, int inner, void* to) {
  const RoundedRow row(to, inner);
  const int block = type_traits(type).block;
  for (int i = 0; i < inner / block; ++i) {
    const float scale = rounding_scale(x + i * block, block);
    row.scales[i] = scale;
    round_numbers(x + i * block, scale, block, row.bytes + i * block);
    for (int j = 0; j < block / 32; ++j) {
      int sums[2];
      sum_halves(row.bytes + i * block + 32 * j, sums);
      if (block == 32) {
        row.eighths[i] = float(sums[0] + sums[1]) * 0.125f;
      } else {
        row.sums[16 * i + j] = int16_t(sums[0]);
        row.sums[16 * i + 8 + j] = int16_t(sums[1]);
      }
    }
  }
}

}  // namespace
}  // namespace weir
