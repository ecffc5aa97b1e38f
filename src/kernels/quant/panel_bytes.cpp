#include "kernels/quant/integer_gemm.h"
#include "kernels/quant/types.h"

namespace weir {

size_t panel_bytes(WeightType type, int inner) {
  const TypeRow& row = type_row(type);
  return kPanelRows * size_t(row.panel_bytes) * size_t(inner / row.block);
}

}  // namespace weir
