// Where the operands of a product with stored weights are.
#pragma once
#include <cstddef>
#include <cstdint>

#include "kernels/kernels.h"

namespace weir {
namespace {

inline const uint8_t* stored_row(const BlockGemm& g, int n) {
  return static_cast<const uint8_t*>(g.weights) + size_t(n) * g.weight_row;
}
inline const float* scales_row(const BlockGemm& g, int n) {
  return g.scales ? g.scales + size_t((g.first + n) / scale_square(g.type)) * g.scales_row
                  : nullptr;
}
inline const float* left_row(const BlockGemm& g, int m) {
  return g.left + size_t(g.left_rows ? g.left_rows[m] : m) * g.left_row;
}
inline void put(const BlockGemm& g, int m, int n, float sum) {
  float& out = g.out[size_t(m) * g.out_row + n];
  out = g.accumulate ? out + sum : sum;
}

}  // namespace
}  // namespace weir
