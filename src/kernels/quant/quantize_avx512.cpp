// The searches of quantize_search.h in AVX-512, compiled with flags of that set: see avx512.cpp.
#include "kernels/quant/quantize_search.h"

#if defined(__AVX512F__)
#include "kernels/lanes/lanes_avx512-inl.h"
#include "kernels/quant/quantize_search-inl.h"

namespace weir {
namespace {
constexpr Search kTable = make_search("avx512");
}  // namespace
extern const Search* const kAvx512Search = &kTable;
}  // namespace weir
#else
namespace weir {
extern const Search* const kAvx512Search = nullptr;
}  // namespace weir
#endif
