// Products of quantized activation rows with quantized weights, in integers.
//
// Definition, for an activation row a and a stored row, whose numbers are step * q - minimum (q:
// the integer of a number less its centre, see formats-inl.h). Sums of integers are exact (up to 34
// bits), so their order does not matter, and are rounded to float once; everything in floats is in
// this order, whatever the instruction set, the number of rows and the way of cutting:
//   product = 0, then for every section s of 256 numbers:
//                              product = fma(f, scale of a in s, product)
//   types with blocks of 256:  f = float(sum of t q a) * unit          t: the integer step of q
//            with minimums     f = fma(-float(sum of m a), least, f)   m: the integer minimum
//   types with blocks of 32:   f = 0, then for every block of s:
//                              f = fma(float(sum of q a), step, f)
//            with minimums     f = fma(float(sum of a), -minimum, f)
// unit and least are the two halves that a block of 256 stores (F::kStep, F::kMinimum).
#pragma once
#include <cstddef>
#include <cstdint>

#include "kernels/quant/activations.h"
#include "kernels/quant/blocks.h"

namespace weir {

// Stored rows of a panel: repacked so that a register holds four consecutive numbers of each of
// them (panel_format-inl.h has the layout).
constexpr int kPanelRows = 16;

// Bytes of a panel of rows of `inner` numbers; 0 for a type without blocks. About the bytes of the
// rows as they are stored: up to 4 % more, as steps of six bits take a byte.
size_t panel_bytes(WeightType type, int inner);

// out[m][n] (+)= the product of activation row m with stored row n.
// activation row m = left + row(m) * left_row bytes, row(m) = left_rows ? left_rows[m] : m
// stored row n = weights + n * weight_row bytes, or row n % 16 of the panel at
//                panels + n / 16 * panel_bytes(type, inner); with panels, `weights` is not read
struct IntegerGemm {
  WeightType type;
  const void* weights;
  size_t weight_row;
  const uint8_t* panels = nullptr;
  const uint8_t* left;
  size_t left_row;
  const int* left_rows = nullptr;
  float* out;
  size_t out_row;  // floats
  int rows, cols, inner;
  bool accumulate = false;
  float* scratch;  // kGemmScratch floats, 64-byte aligned
};

// The product as above of numbers whose sum of f * scale is `sum`.
inline void put(const IntegerGemm& g, int m, int n, float sum) {
  float& out = g.out[size_t(m) * g.out_row + size_t(n)];
  out = g.accumulate ? out + sum : sum;
}

}  // namespace weir
