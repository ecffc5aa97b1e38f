// Activation rows quantized to 15-bit integers, for integer products with quantized weights: one
// scale for every 256 numbers. Written over one bytes_*-inl.h.
#pragma once
#include <cstddef>
#include <cstdint>

#include "base/div_up.h"
#include "kernels/dense/ranges-inl.h"
#include "kernels/dense/vector-inl.h"
#include "kernels/quant/formats-inl.h"

namespace weir {
namespace {

// The largest integer of a quantized row. With it the sums of a block of 256 stay below 2^31 in
// every lane, whatever its type: 32 numbers of at most 4096 (q6_k) times this.
constexpr int kLargestInteger = 16383;
// Numbers that share a scale; the last section of a row may be shorter.
constexpr int kSection = 256;

// Where a quantized row has its parts, one after another. Of every 32 integers those at even places
// come first. `sums` are what the minimums of the weights multiply: the sums of every 32 integers,
// eight a section, zeros at the end; for groups of 16, of each section first the sums of the first
// halves of its eight 32, then of the second halves.
struct QuantizedRow {
  int16_t* words;
  float* scales;
  float* sums;

  QuantizedRow() = default;
  QuantizedRow(const void* row, int inner)
      : words(static_cast<int16_t*>(const_cast<void*>(row))),
        scales(reinterpret_cast<float*>(words + inner)),
        sums(scales + div_up(inner, kSection)) {}
};

// The scale of n numbers (a multiple of 16), whose largest becomes kLargestInteger: 0 when all are
// nearly zero, NaN when one is not finite, so that this shows in the product.
inline float quantization_scale(const float* x, int n) {
  Lanes top = splat(0), not_finite = splat(0);
  for (int i = 0; i < n; i += 16) {
    const Lanes y = load(x + i);
    top = max(y, max(splat(0) - y, top));
    not_finite = fma(y, splat(0), not_finite);
  }
  const float most = lane_max(top);
  return (most < 1e-30f ? 0 : most / kLargestInteger) + lane_sum(not_finite);
}

// words = x / scale to the nearest integer, ties to even, in the order of QuantizedRow.
inline void quantize_numbers(const float* x, float scale, int n, int16_t* words) {
  // Adding 1.5 * 2^23 rounds to an integer that stands in the low bits.
  const Lanes inverse = splat(scale > 0 ? 1 / scale : 0), magic = splat(12582912.0f);
  for (int i = 0; i < n; i += 32) {
    for (int h = 0; h < 32; h += 16)
      store_low_words(words + i + h, fma(load(x + i + h), inverse, magic));
    even_first(words + i);
  }
}

// The sums of the first and the second 16 of 32 integers.
inline void sum_halves(const int16_t* words, int* sums) {
  int32_t quarters[8];
  const Words one = splat_word(1);
  store_ints(quarters,
             multiply_pairs(load_words(words), one) + multiply_pairs(load_words(words + 16), one));
  for (int h = 0; h < 2; ++h)
    sums[h] = quarters[4 * h] + quarters[4 * h + 1] + quarters[4 * h + 2] + quarters[4 * h + 3];
}

void quantize_activations(WeightType type, const float* x, int inner, void* to) {
  const QuantizedRow row(to, inner);
  bool has_halves = false;
  visit_quantized(type, [&](auto format) {
    using F = decltype(format);
    has_halves = kHasMinimum<F> && F::kNumbers == 256 && F::kGroup == 16;
  });
  const int sums_of_section = has_halves ? 16 : 8;
  for (int i = 0, begin = 0; begin < inner; ++i, begin += kSection) {
    const int count = smaller(kSection, inner - begin);
    const float scale = quantization_scale(x + begin, count);
    row.scales[i] = scale;
    quantize_numbers(x + begin, scale, count, row.words + begin);
    float* sums = row.sums + i * sums_of_section;
    for (int j = 0; j < 8; ++j) {
      int halves[2] = {0, 0};
      if (32 * j < count) sum_halves(row.words + begin + 32 * j, halves);
      if (has_halves) {
        sums[j] = float(halves[0]);
        sums[8 + j] = float(halves[1]);
      } else {
        sums[j] = float(halves[0] + halves[1]);
      }
    }
  }
}

}  // namespace
}  // namespace weir
