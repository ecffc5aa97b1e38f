// Integer products of instruction sets that this machine may lack, in software.
#pragma once
#include <vector>

#include "kernels/tables.h"

namespace weir {
namespace emulated {

extern const IntegerProducts* const kAvxVnniProducts;
extern const IntegerProducts* const kAvx512Products;
extern const IntegerProducts* const kAvx512VnniProducts;
extern const IntegerProducts* const kAmxProducts;
extern const decltype(Kernels::quantize_activations) kAvx512Quantize;

}  // namespace emulated

// The scalar table with them; none where the build lacks SIMDe or the machine AVX2 (WEIR_EMULATED,
// src/kernels/CMakeLists.txt).
inline const std::vector<Kernels>& emulated_tables() {
  static const std::vector<Kernels> tables = [] {
    std::vector<Kernels> made;
#if defined(WEIR_EMULATED)
    if (!avx2_kernels()) return made;
    for (const IntegerProducts* products : {emulated::kAvxVnniProducts, emulated::kAvx512Products,
                                            emulated::kAvx512VnniProducts, emulated::kAmxProducts})
      made.push_back(with_products(*scalar_kernels(), *products));
    made[1].quantize_activations = emulated::kAvx512Quantize;
#endif
    return made;
  }();
  return tables;
}

}  // namespace weir
