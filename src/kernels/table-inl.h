// The table of one instruction set, after its lanes and the loops over them were included.
#pragma once
#include "kernels/attention/cache_products-inl.h"
#include "kernels/attention/word_product-inl.h"
#include "kernels/dense/activation-inl.h"
#include "kernels/dense/gemm-inl.h"
#include "kernels/quant/block_gemm-inl.h"
#include "kernels/quant/quantized_row-inl.h"

namespace weir {
namespace {

constexpr Kernels make_table(const char* name) {
  return {
      .name = name,
      .floats = name,
      .gemm = gemm,
      .block_gemm = block_gemm,
      .integer_gemm = integer_gemm,
      .quantize_activations = quantize_activations,
      .repack_panel = repack_panel,
      .dequantize = dequantize,
      .pack_transposed = pack_transposed,
      .pack_rows = pack_rows,
      .dot = dot,
      .sum = sum,
      .axpy = axpy,
      .add = add,
      .scale = scale,
      .max = max_of,
      .rms_norm = rms_norm,
      .rms_norm_backward = rms_norm_backward,
      .exp_sum = exp_sum,
      .swiglu = swiglu,
      .swiglu_backward = swiglu_backward,
      .softmax_backward = softmax_backward,
      .sigmoid = sigmoid_of,
      .rope_interleaved = rope_interleaved,
      .rope_half = rope_half,
      .narrow_product = narrow_product,
      .word_product = word_product,
      .to_words = to_words,
      .unpack_nibbles = unpack_nibbles,
      .inner_pairs = inner_pairs,
      .row_pairs = row_pairs,
      .adamw = adamw,
      .bf16_to_f32 = bf16_to_f32,
      .f32_to_bf16 = f32_to_bf16,
  };
}

}  // namespace
}  // namespace weir
