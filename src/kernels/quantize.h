// Floats to stored types: what `weir quantize` and `weir convert` write. Deterministic, one row at
// a time, so that any number of threads gives the same bytes.
#pragma once
#include "kernels/blocks.h"

namespace weir {

// Encodes `count` numbers (whole blocks) as `type` into `row` (type_bytes(type, count) bytes).
// `importance`, or null: how much an error in each column matters (mean squares of the activations
// that meet it; all >= 0). f8_e4m3 is not written (its scales span rows). Numbers must be finite.
void quantize_row(WeightType type, const float* x, const float* importance, size_t count,
                  void* row);

}  // namespace weir
