// Products with weights as they are stored: every row is decoded once per call and meets all rows
// of the left operand. Written over the functions of one lanes_*-inl.h, included before it.
#pragma once
#include "kernels/kernels.h"
#include "kernels/vector-inl.h"

namespace weir {
namespace {

void block_gemm(const BlockGemm& g) {
  constexpr int kPart = int(kGemmScratch) / 16 * 16;
  for (int n = 0; n < g.cols; ++n) {
    const char* row = static_cast<const char*>(g.weights) + size_t(n) * g.weight_row;
    const float* scales =
        g.scales ? g.scales + size_t((g.first + n) / kScaleSquare) * g.scales_row : nullptr;
    dequantize_row(g.type, row, scales, g.scratch, size_t(g.inner < kPart ? g.inner : kPart));
    for (int m = 0; m < g.rows; ++m) {
      const int source = g.left_rows ? g.left_rows[m] : m;
      float* out = g.out + size_t(m) * g.out_row + n;
      const float sum = dot(g.left + size_t(source) * g.left_row, g.scratch, g.inner);
      *out = g.accumulate ? *out + sum : sum;
    }
  }
}

}  // namespace
}  // namespace weir
