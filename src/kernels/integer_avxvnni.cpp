// Integer products with AVX-VNNI. Compiled with flags of that set: see avx2.cpp.
#include "kernels/tables.h"

#if defined(__AVXVNNI__) && defined(__AVX2__) && defined(__FMA__) && defined(__F16C__)
#include "kernels/lanes/lanes_avx2-inl.h"

#include "kernels/attention/words_avx2-inl.h"  // these after the lanes they are written over
#include "kernels/lanes/bytes_avx2-inl.h"
#include "kernels/lanes/sixteen_avx2-inl.h"

#include "kernels/lanes/products_avxvnni-inl.h"

#include "kernels/attention/word_product-inl.h"
#include "kernels/quant/code_sum_bytes-inl.h"
#include "kernels/quant/panel_gemm-inl.h"

namespace weir {
namespace {
constexpr IntegerProducts kProducts{"avxvnni", integer_gemm, repack_panel, word_product};
}  // namespace
extern const IntegerProducts* const kAvxVnniProducts = &kProducts;
}  // namespace weir
#else
namespace weir {
extern const IntegerProducts* const kAvxVnniProducts = nullptr;
}  // namespace weir
#endif
