// Floats to stored types: what `weir quantize` and `weir convert` write. Deterministic, one row at
// a time, so that any number of threads gives the same bytes.
#pragma once
#include "kernels/quant/blocks.h"

namespace weir {

// Whether quantize_row() takes a type.
bool is_written(WeightType type);

// Encodes `count` numbers (whole blocks) as `type` into `row` (type_bytes(type, count) bytes), with
// about the smallest sum of importance * error^2 that the type allows; the same bytes on every
// machine. `importance`, or null for equal importance: how much an error in each column matters
// (mean squares of the activations that meet it; >= 0, only ratios within a block count).
// Numbers should be finite. Beyond what the type can hold they saturate, in f16 at +-65504; in
// blocks a NaN becomes 0. f8_e4m3 is not written (its scales span rows).
void quantize_row(WeightType type, const float* x, const float* importance, size_t count,
                  void* row);

}  // namespace weir
