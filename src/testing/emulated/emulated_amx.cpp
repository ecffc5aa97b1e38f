// The integer products of kernels/integer_avx512vnni.cpp and integer_amx.cpp in software.
#include "testing/emulated/emulated_avx512.h"
#include "testing/emulated/emulated_tiles.h"

#include "kernels/lanes/lanes_avx512-inl.h"

#include "kernels/lanes/bytes_avx2-inl.h"
#include "kernels/lanes/sixteen_avx512-inl.h"

#include "kernels/lanes/products_avx512vnni-inl.h"

#include "kernels/quant/code_sum_bytes-inl.h"
#include "kernels/quant/panel_tiles-inl.h"
#include "testing/emulated/emulated_tables.h"

namespace weir {
namespace {
constexpr IntegerProducts kVnni{"avx512vnni, emulated", integer_gemm, repack_panel};
constexpr IntegerProducts kAmx{"amx, emulated", integer_gemm_in_tiles, repack_panel};
}  // namespace
namespace emulated {
extern const IntegerProducts* const kAvx512VnniProducts = &kVnni;
extern const IntegerProducts* const kAmxProducts = &kAmx;
}  // namespace emulated
}  // namespace weir
