// The searches of quantize_search.h in AVX2, compiled with flags of that set: see avx2.cpp.
#include "kernels/quant/quantize_search.h"

#if defined(__AVX2__)
#include "kernels/lanes/lanes_avx2-inl.h"
#include "kernels/quant/quantize_search-inl.h"

namespace weir {
namespace {
constexpr Search kTable = make_search("avx2");
}  // namespace
extern const Search* const kAvx2Search = &kTable;
}  // namespace weir
#else
namespace weir {
extern const Search* const kAvx2Search = nullptr;
}  // namespace weir
#endif
