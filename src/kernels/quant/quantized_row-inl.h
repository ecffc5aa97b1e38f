// Activation rows to integers (activations.h). Written over one bytes_*-inl.h.
#pragma once
#include <cstddef>
#include <cstdint>

#include "kernels/dense/ranges-inl.h"
#include "kernels/dense/vector-inl.h"
#include "kernels/quant/activations.h"

namespace weir {
namespace {

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

// words = x / scale to the nearest integer, ties to even.
inline void quantize_numbers(const float* x, float scale, int n, int16_t* words) {
  // Adding 1.5 * 2^23 rounds to an integer that stands in the low bits.
  const Lanes inverse = splat(scale > 0 ? 1 / scale : 0), magic = splat(12582912.0f);
  for (int i = 0; i < n; i += 16) store_low_words(words + i, fma(load(x + i), inverse, magic));
}

void quantize_activations(const float* x, int inner, void* to) {
  QuantizedSection* section = static_cast<QuantizedSection*>(to);
  for (int begin = 0; begin < inner; begin += kSection, ++section) {
    const int count = smaller(kSection, inner - begin);
    __builtin_memset(section->zeros, 0, sizeof section->zeros);
    __builtin_memset(section->words + count, 0, size_t(kSection - count) * sizeof(int16_t));
    section->scale = quantization_scale(x + begin, count);
    quantize_numbers(x + begin, section->scale, count, section->words);
    for (int k = 0; k < kSection; k += 32) {
      cut_words(section->words + k, section->high + k, section->low + k);
      sums_of_bytes(section->high + k, section->sums_high + k / 16);
      sums_of_bytes(section->low + k, section->sums_low + k / 16);
    }
  }
}

}  // namespace
}  // namespace weir
