// Integer products with AVX-512 VNNI. Compiled with flags of that set: see avx512.cpp.
#include "kernels/tables.h"

#if defined(__AVX512VNNI__) && defined(__AVX512BW__) && defined(__AVX512DQ__) && \
    defined(__AVX512VL__) && defined(__F16C__)
#include "kernels/lanes/lanes_avx512-inl.h"

#include "kernels/attention/words_avx512-inl.h"  // these after the lanes they are written over
#include "kernels/lanes/bytes_avx2-inl.h"
#include "kernels/lanes/sixteen_avx512-inl.h"

#include "kernels/lanes/products_avx512vnni-inl.h"

#include "kernels/attention/word_product-inl.h"
#include "kernels/quant/code_sum_bytes-inl.h"
#include "kernels/quant/panel_gemm-inl.h"

namespace weir {
namespace {
constexpr IntegerProducts kProducts{"avx512vnni", integer_gemm, repack_panel, word_product};
}  // namespace
extern const IntegerProducts* const kAvx512VnniProducts = &kProducts;
}  // namespace weir
#else
namespace weir {
extern const IntegerProducts* const kAvx512VnniProducts = nullptr;
}  // namespace weir
#endif
