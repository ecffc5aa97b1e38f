// Rows of the compressed cache in the formats of tensor/cache_layout.h's RowFormat, written and
// read. A row that was read is what attention computes with, so results do not depend on chunks in
// any format.
#pragma once
#include <cstddef>

#include "tensor/cache_layout.h"

namespace weir {

// format.width numbers to format.bytes() bytes at `to`, rounded to nearest, ties to even. Scales of
// E8M0 are the least powers of two with which nothing is cut off: 2^ceil(log2(most / 448)) of E4M3,
// most / 6 of E2M1; those of E4M3 are most / 6 rounded (DeepSeek-V4's and V4.1's inference code).
void encode_row(const RowFormat& format, const float* x, void* to);
void decode_row(const RowFormat& format, const void* from, float* x);

}  // namespace weir
