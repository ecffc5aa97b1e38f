// Products of attention with pages of a narrow key/value cache (tensor/cache_layout.h), as members
// of the table in kernels.h. Numbers are widened in registers; nothing is written back.
#pragma once
#include <cstddef>
#include <cstdint>

#include "kernels/quant/blocks.h"

namespace weir {

// out[r][c] (+)= sum over i = 0, 1, 2 ... of left[r][i] * right[i][c]: one chain of fused
// multiply-adds per output, starting from out when `accumulate`, else from 0.
struct NarrowProduct {
  WeightType type;  // of `right`: f32, f16 or bf16
  const float* left;
  size_t left_row;
  const void* right;
  size_t right_row;  // numbers
  float* out;
  size_t out_row;
  int rows, cols, inner;  // cols: a multiple of 16
  bool accumulate = false;
  const void* next = nullptr;  // read soon, laid out as `right`; may be null
};

// out[r][c] = fma(sum of left[r][i] * right[i][c], left_scale[r] * right_scale[c], out[r][c] or 0).
// The sum is one integer, so its order is free. |left| is at most kWordMost and |right| 127, so an
// inner dimension of kWordInner fits 32 bits.
constexpr int kWordMost = 16383;
constexpr int kWordInner = 1024;
struct WordProduct {
  const int16_t* left;
  size_t left_row;          // words
  const float* left_scale;  // of row r at [r * left_scale_row]
  size_t left_scale_row;
  const int8_t* right;       // (i, c) at [i / 2 * right_row + c * 2 + i % 2]
  size_t right_row;          // bytes
  const float* right_scale;  // [cols]; null: 1
  float* out;
  size_t out_row;
  int rows, cols, inner;  // cols: a multiple of 16; inner: even
  bool accumulate = false;
  const void* next = nullptr;  // as above
};

// words[i] = x[i] * factors[i] / s rounded to nearest even, s = the largest magnitude there /
// 16383; zero from n to `padded` (a multiple of 16). Returns s: 0 when all are below 1e-30, NaN
// when one is not finite. `factors` may be null: 1.
using ToWords = float(const float* x, const float* factors, int n, int padded, int16_t* words);

// codes[i] = table[low four bits of packed[i]], codes[i + n / 2] = table[high four bits]; n: a
// multiple of 16. `table` has 16 entries.
using UnpackNibbles = void(const uint8_t* packed, const int8_t* table, size_t n, int8_t* codes);

// Rows of codes [kCodeRows][width], `row` bytes apart, as right operands of a WordProduct. width: a
// multiple of 16.
//   inner_pairs: inner = the width:  out[(k / 2) * 2 * kCodeRows + u * 2 + k % 2] = rows[u][k]
//   row_pairs:   inner = the rows:   out[(u / 2) * 2 * width + k * 2 + u % 2] = rows[u][k]
constexpr int kCodeRows = 32;
using PairCodes = void(const int8_t* rows, size_t row, int width, int8_t* out);

}  // namespace weir
