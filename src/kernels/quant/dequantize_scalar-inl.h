// Stored numbers to f32 by their definition, in place of dequantize-inl.h and block_row-inl.h.
#pragma once
#include "kernels/kernels.h"

namespace weir {
namespace {

void dequantize(WeightType type, const void* row, const float* scales, float* y, size_t count) {
  dequantize_row(type, row, scales, y, count);
}

// A single row is multiplied as several are.
bool multiply_row(const BlockGemm&) { return false; }

}  // namespace
}  // namespace weir
