// Where the per-instruction-set files leave their tables for dispatch.cpp, which alone asks the
// CPU. Constant data: reading one runs no instruction of the set it belongs to.
#pragma once
#include "kernels/kernels.h"

namespace weir {

extern const Kernels kScalarTable;
// Null when the compiler did not target the instruction set (another processor family).
extern const Kernels* const kAvx2Table;
extern const Kernels* const kAvx512Table;

// What a set with more integer instructions changes in the table of its wider set: avxvnni in avx2,
// avx512vnni and amx in avx512. Null as above.
struct IntegerProducts {
  const char* name;  // of the table with these
  decltype(Kernels::integer_gemm) integer_gemm;
  decltype(Kernels::repack_panel) repack_panel;
  decltype(Kernels::word_product) word_product = nullptr;  // null: as the base has it
};
extern const IntegerProducts* const kAvxVnniProducts;
extern const IntegerProducts* const kAvx512VnniProducts;
extern const IntegerProducts* const kAmxProducts;

// `base` with its integer products replaced.
Kernels with_products(const Kernels& base, const IntegerProducts& products);

}  // namespace weir
