// The reference table: plain loops, correct on every processor and the definition for the others.
#include "kernels/lanes/bytes_scalar-inl.h"

#include "kernels/attention/words_scalar-inl.h"
#include "kernels/quant/dequantize_scalar-inl.h"
#include "kernels/quant/integer_scalar-inl.h"
#include "kernels/quant/quantize_search-inl.h"
#include "kernels/table-inl.h"
#include "kernels/tables.h"

namespace weir {

extern const Kernels kScalarTable = make_table("scalar");
extern const Search kScalarSearch = make_search("scalar");

}  // namespace weir
