// The inner loops, as a table of plain functions chosen once for the CPU at hand.
//
// Contract of every entry: the same bits on every instruction set. A product is accumulated by
// fused multiply-adds in the order written here; a sum over a vector runs in 16 lanes (element i
// goes to lane i % 16, in order of i) and the lanes are added by the fixed tree of `lane_sum`:
//   pairs (i, i+8), then (i, i+4), then (i, i+2), then (i, i+1).
// So the scalar table is the definition of correct, and results do not depend on the machine, the
// batch, the blocking or the number of threads. Kernels start no threads and allocate nothing.
#pragma once
#include <cstddef>
#include <cstdint>

#include "kernels/attention/cache_products.h"
#include "kernels/quant/blocks.h"
#include "kernels/quant/integer_gemm.h"

namespace weir {

// Output columns per panel of a packed matrix.
constexpr int kPanel = 32;
// Floats of scratch that one gemm call may use (packed left operand, L2-sized blocks).
constexpr size_t kGemmScratch = 128 * 1024;

// out[m][n] (+)= sum over k = 0, 1, 2 ... of left(m, k) * right(k, n): one chain of fused
// multiply-adds per output, starting from out when `accumulate`, else from 0.
//
// left(m, k)  = left[row(m) * left_row + k * left_inner], row(m) = left_rows ? left_rows[m] : m
// right(k, n) = panels[(n / 32) * panel_stride + k * inner_stride + n % 32]
//   packed:                panel_stride = inner * 32, inner_stride = 32 (zero-padded, see pack_*)
//   row-major [k][n]:      panel_stride = 32, inner_stride = row length; nothing beyond `cols` is
//   read
// `accumulate` and storing out between blocks of k are exact, so any blocking gives the same bits.
struct Gemm {
  const float* left;
  size_t left_row, left_inner;
  const int* left_rows = nullptr;
  const float* panels;
  size_t panel_stride, inner_stride;
  float* out;
  size_t out_row;
  int rows, cols, inner;
  bool accumulate = false;
  float* scratch;  // kGemmScratch floats, 64-byte aligned
};

// out[m][n] (+)= the dot product of activation row m with stored row n, in lanes as `dot` adds
// them: the same bits for any blocking and any number of rows.
//
// left(m, k) = left[row(m) * left_row + k], row(m) = left_rows ? left_rows[m] : m
// stored row n = weights + n * weight_row, `inner` numbers of `type`; of E4M3 its scales begin at
// scales + ((first + n) / scale_square(type)) * scales_row
struct BlockGemm {
  WeightType type;
  const void* weights;
  size_t weight_row;  // bytes
  const float* scales = nullptr;
  size_t scales_row = 0;
  int first = 0;
  const float* left;
  size_t left_row;
  const int* left_rows = nullptr;
  float* out;
  size_t out_row;
  int rows, cols, inner;
  bool accumulate = false;
  float* scratch;  // kGemmScratch floats, 64-byte aligned
};

struct AdamW {
  float lr, beta1, beta2, epsilon, weight_decay;
  float correction1, correction2;  // 1 / (1 - beta^t)
  float gradient_scale;            // clipping factor, multiplied into the gradient first
};

struct Kernels {
  const char* name;    // "scalar", "avx2", "avxvnni", "avx512", "avx512vnni", "amx"
  const char* floats;  // the name of the table that all but integer products are of

  void (*gemm)(const Gemm&);
  void (*block_gemm)(const BlockGemm&);
  void (*integer_gemm)(const IntegerGemm&);
  // Quantizes an activation row for integer products. `inner` is a multiple of 32; to:
  // quantized_row_bytes(inner) bytes, aligned to 4. A number that is not finite makes the products
  // of the row NaN.
  void (*quantize_activations)(const float* x, int inner, void* to);
  // Repacks up to sixteen stored rows of a type with integer products to a panel of
  // panel_bytes(type, inner) bytes. Null in the scalar table, whose integer_gemm reads stored rows
  // only.
  void (*repack_panel)(WeightType type, const void* rows, size_t row_bytes, int count, int inner,
                       uint8_t* panel);
  // As dequantize_row (blocks.h).
  void (*dequantize)(WeightType type, const void* row, const float* scales, float* y, size_t n);

  // Panels for x W^T: source is W [n_outputs][inner] row-major; panel p holds outputs 32p.. as
  // [inner][32]; missing outputs are zero. `panels` has room for (n_outputs+31)/32 * inner * 32.
  void (*pack_transposed)(const float* source, size_t source_row, int outputs, int inner,
                          float* panels);
  // Panels for dy W: source is [inner][n_columns] row-major; optional gather of source rows.
  void (*pack_rows)(const float* source, size_t source_row, const int* rows, int inner, int columns,
                    float* panels);

  float (*dot)(const float* x, const float* y, int n);             // lanes of fma, then lane_sum
  float (*sum)(const float* x, int n);                             // lanes of add, then lane_sum
  void (*axpy)(float a, const float* x, float* y, int n);          // y = fma(a, x, y)
  void (*add)(const float* x, const float* y, float* out, int n);  // out = x + y (may alias)
  void (*scale)(float a, const float* x, float* out, int n);       // out = a * x (may alias)
  float (*max)(const float* x, int n);                             // n >= 1

  // y = x * r * gain with r = 1 / sqrt(dot(x, x) / n + epsilon); returns r. y may alias x.
  float (*rms_norm)(const float* x, const float* gain, float epsilon, float* y, int n);
  // In the forward pass this was: y = x * r * gain. dx (+)= r * (dy * gain - x * m),
  // m = r^2 / n * sum(dy * gain * x); dgain += dy * x * r.
  void (*rms_norm_backward)(const float* x, const float* gain, const float* dy, float r, float* dx,
                            bool accumulate, float* dgain, int n);

  // x[i] = exp(x[i] - top), own polynomial (relative error below 2 ulp; exactly 1 at x = top; 0
  // below -87.3); returns the sum in lanes.
  float (*exp_sum)(float* x, float top, int n);
  // y = gate * sigmoid(gate) * up.
  void (*swiglu)(const float* gate, const float* up, float* y, int n);
  // dgate (+)= dy * up * s * (1 + gate * (1 - s)); dup (+)= dy * gate * s; s = sigmoid(gate).
  void (*swiglu_backward)(const float* gate, const float* up, const float* dy, float* dgate,
                          float* dup, bool accumulate, int n);
  // In the forward pass this was: p = softmax(s). ds = p * (dp - total), total = sum(p * dp); may
  // alias.
  void (*softmax_backward)(const float* p, const float* dp, float total, float* ds, int n);
  // out = 1 / (1 + exp(-x)).
  void (*sigmoid)(const float* x, float* out, int n);

  // Rotates pairs by the angles of one position. cos, sin: [width / 2]. direction +1 or -1.
  //   interleaved: pairs (2i, 2i+1)      half: pairs (i, i + width/2)
  void (*rope_interleaved)(float* x, const float* cos, const float* sin, float direction,
                           int width);
  void (*rope_half)(float* x, const float* cos, const float* sin, float direction, int width);

  // Attention over a narrow cache (attention/cache_products.h).
  void (*narrow_product)(const NarrowProduct&);
  void (*word_product)(const WordProduct&);
  ToWords* to_words;
  UnpackNibbles* unpack_nibbles;
  PairCodes *inner_pairs, *row_pairs;

  // One AdamW step (Loshchilov and Hutter 2019, algorithm 2; decay applied to w before the update):
  // g *= gradient_scale; m = beta1 m + (1-beta1) g; v = beta2 v + (1-beta2) g^2;
  // w -= lr * weight_decay * w; w -= lr * (m * correction1) / (sqrt(v * correction2) + epsilon).
  void (*adamw)(float* w, const float* g, float* m, float* v, size_t n, const AdamW&);

  void (*bf16_to_f32)(const uint16_t* x, float* y, size_t n);
  void (*f32_to_bf16)(const float* x, uint16_t* y, size_t n);  // round to nearest even, NaN quiet
};

// The table of one instruction set, or null when this CPU, kernel or build lacks it.
const Kernels* scalar_kernels();
const Kernels* avx2_kernels();
const Kernels* avxvnni_kernels();
const Kernels* avx512_kernels();
const Kernels* avx512vnni_kernels();
const Kernels* amx_kernels();

// The best table for this CPU, the last of those above that is there; WEIR_KERNELS=NAME overrides
// it (an unusable name is ignored with a line on stderr). Chosen on first call, constant
// afterwards.
const Kernels& kernels();

}  // namespace weir
