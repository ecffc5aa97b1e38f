// Where the per-instruction-set files leave their tables for dispatch.cpp, which alone asks the
// CPU. Constant data: reading one runs no instruction of the set it belongs to.
#pragma once
#include "kernels/kernels.h"

namespace weir {

extern const Kernels kScalarTable;
// Null when the compiler did not target the instruction set (another processor family).
extern const Kernels* const kAvx2Table;
extern const Kernels* const kAvx512Table;

}  // namespace weir
