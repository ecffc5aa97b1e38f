// The AVX2 table. This file is compiled with flags of that set, so it includes nothing with inline
// functions that another file might share: the linker could keep this copy for an older CPU.
#include "kernels/quant/quantize_search.h"
#include "kernels/tables.h"

#if defined(__AVX2__) && defined(__FMA__) && defined(__F16C__)
#include "kernels/lanes/lanes_avx2-inl.h"

#include "kernels/attention/words_avx2-inl.h"  // these after the lanes they are written over
#include "kernels/lanes/bytes_avx2-inl.h"
#include "kernels/lanes/sixteen_avx2-inl.h"

#include "kernels/lanes/products_avx2-inl.h"  // after the lanes that are multiplied

#include "kernels/quant/block_row-inl.h"
#include "kernels/quant/code_sum_words-inl.h"
#include "kernels/quant/panel_gemm-inl.h"
#include "kernels/quant/quantize_search-inl.h"
#include "kernels/table-inl.h"

namespace weir {
namespace {
constexpr Kernels kTable = make_table("avx2");
constexpr Search kSearch = make_search("avx2");
}  // namespace
extern const Kernels* const kAvx2Table = &kTable;
extern const Search* const kAvx2Search = &kSearch;
}  // namespace weir
#else
namespace weir {
extern const Kernels* const kAvx2Table = nullptr;
extern const Search* const kAvx2Search = nullptr;
}  // namespace weir
#endif
