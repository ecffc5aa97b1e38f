// The product of a single activation row with stored rows: it reads the numbers as they are
// decoded, in registers. Written over dequantize-inl.h.
#pragma once
#include <cstddef>
#include <cstdint>

#include "kernels/dense/operands-inl.h"
#include "kernels/kernels.h"
#include "kernels/quant/dequantize-inl.h"

namespace weir {
namespace {

// One activation row times C stored rows from n on. What follows them in memory, the next C rows,
// is asked for at the pace of reading.
template <class F, int C>
void multiply_one(const BlockGemm& g, int n) {
  const float* x = left_row(g, 0);
  const uint8_t* b[C];
  const float* scales[C];
  Lanes sum_[C];
  for (int c = 0; c < C; ++c) {
    b[c] = stored_row(g, n + c);
    scales[c] = scales_row(g, n + c);
    sum_[c] = splat(0);
  }
  const size_t ahead = size_t(C) * g.weight_row;
  int k = 0;
  for (; k + F::kNumbers <= g.inner; k += F::kNumbers) {
    Decoder<F> blocks[C];
    for (int c = 0; c < C; ++c) {
      for (int line = 0; line < F::kBytes; line += 64) __builtin_prefetch(b[c] + ahead + line);
      blocks[c].start(b[c], scale_of<F>(scales[c], size_t(k)));
      b[c] += F::kBytes;
    }
    decode_groups<F>(blocks,
                     [&](int c, int i, Lanes w) { sum_[c] = fma(load(x + k + i), w, sum_[c]); });
  }
  for (int c = 0; c < C; ++c) {
    if (k < g.inner) {  // of plain types
      alignas(64) float last[F::kNumbers];
      dequantize_as<F>(b[c], scales_from<F>(scales[c], size_t(k)), last, size_t(g.inner - k));
      sum_[c] = fma(load_part(x + k, g.inner - k), load_part(last, g.inner - k), sum_[c]);
    }
    put(g, 0, n + c, lane_sum(sum_[c]));
  }
}

// A product with one activation row.
bool multiply_row(const BlockGemm& g) {
  visit_format(g.type, [&](auto format) {
    int n = 0;
    for (; n + 2 <= g.cols; n += 2) multiply_one<decltype(format), 2>(g, n);
    if (n < g.cols) multiply_one<decltype(format), 1>(g, n);
  });
  return true;
}

}  // namespace
}  // namespace weir
