#include "base/div_up.h"
#include "kernels/quant/integer_gemm.h"
#include "kernels/quant/types.h"

namespace weir {

size_t panel_bytes(WeightType type, int inner) {
  const TypeTraits& traits = type_traits(type);
  if (traits.block == 1) return 0;
  if (traits.block < kSection) return kPanelRows * type_bytes(type, size_t(inner));
  int block = 0;  // bytes of a row's block there: halves, steps, minimums, codes
  switch (type) {
    case WeightType::q2_k:
      block = 4 + 16 + 64;
      break;
    case WeightType::q3_k:
      block = 2 + 16 + 96;
      break;
    case WeightType::q4_k:
      block = 4 + 8 + 8 + 128;
      break;
    case WeightType::q5_k:
      block = 4 + 8 + 8 + 160;
      break;
    case WeightType::q6_k:
      block = 2 + 16 + 192;
      break;
    case WeightType::iq4_xs:
      block = 2 + 8 + 128;
      break;
    default:
      break;
  }
  return kPanelRows * size_t(block) * size_t(inner / kSection);
}

}  // namespace weir
