// The integer products of kernels/avx512.cpp in software.
#include "testing/emulated/emulated_avx512.h"

#include "kernels/lanes/lanes_avx512-inl.h"

#include "kernels/lanes/bytes_avx2-inl.h"
#include "kernels/lanes/sixteen_avx512-inl.h"

#include "kernels/lanes/products_avx512-inl.h"

#include "kernels/quant/code_sum_words-inl.h"
#include "kernels/quant/panel_gemm-inl.h"
#include "kernels/quant/quantized_row-inl.h"
#include "testing/emulated/emulated_tables.h"

namespace weir {
namespace {
constexpr IntegerProducts kProducts{"avx512, emulated", integer_gemm, repack_panel};
}  // namespace
namespace emulated {
extern const IntegerProducts* const kAvx512Products = &kProducts;
extern const decltype(Kernels::quantize_activations) kAvx512Quantize = quantize_activations;
}  // namespace emulated
}  // namespace weir
