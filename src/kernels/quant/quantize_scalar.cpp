// The searches of quantize_search.h in plain loops, for every processor.
#include "kernels/lanes/lanes_scalar-inl.h"
#include "kernels/quant/quantize_search-inl.h"

namespace weir {

extern const Search kScalarSearch = make_search("scalar");

}  // namespace weir
