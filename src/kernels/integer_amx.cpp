// Integer products with AMX, and with AVX-512 VNNI where there are few activation rows. Compiled
// with flags of those sets: see avx512.cpp.
#include "kernels/tables.h"

#if (defined(__AMX_INT8__) || defined(__AMXINT8__)) && defined(__AVX512VNNI__) && \
    defined(__AVX512BW__) && defined(__AVX512DQ__) && defined(__AVX512VL__) && defined(__F16C__)
#include "kernels/lanes/lanes_avx512-inl.h"

#include "kernels/attention/words_avx512-inl.h"  // these after the lanes they are written over
#include "kernels/lanes/bytes_avx2-inl.h"
#include "kernels/lanes/sixteen_avx512-inl.h"

#include "kernels/lanes/products_avx512vnni-inl.h"

#include "kernels/attention/word_product-inl.h"
#include "kernels/quant/code_sum_bytes-inl.h"
#include "kernels/quant/panel_tiles-inl.h"

namespace weir {
namespace {
constexpr IntegerProducts kProducts{"amx", integer_gemm_in_tiles, repack_panel, word_product};
}  // namespace
extern const IntegerProducts* const kAmxProducts = &kProducts;
}  // namespace weir
#else
namespace weir {
extern const IntegerProducts* const kAmxProducts = nullptr;
}  // namespace weir
#endif
