// The integer products of kernels/integer_avxvnni.cpp in software.
#include "testing/emulated/emulated_avx512.h"

#include "kernels/lanes/lanes_avx2-inl.h"

#include "kernels/lanes/bytes_avx2-inl.h"
#include "kernels/lanes/sixteen_avx2-inl.h"

#include "kernels/lanes/products_avxvnni-inl.h"

#include "kernels/quant/code_sum_bytes-inl.h"
#include "kernels/quant/panel_gemm-inl.h"
#include "testing/emulated/emulated_tables.h"

namespace weir {
namespace {
constexpr IntegerProducts kProducts{"avxvnni, emulated", integer_gemm, repack_panel};
}  // namespace
namespace emulated {
extern const IntegerProducts* const kAvxVnniProducts = &kProducts;
}  // namespace emulated
}  // namespace weir
