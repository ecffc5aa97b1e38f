// Rows whose scales lie apart from their numbers, one of E8M0 (a power of two in a byte) for every
// 32 columns, as DeepSeek-V4's folders have them: experts in four bits and tables of E4M3.
#pragma once
#include <cstdint>

#include "checkpoint/checkpoint.h"

namespace weir {

constexpr uint64_t kRowScaleColumns = 32;

// Bytes of such a tensor's numbers, without their scales.
uint64_t bytes_without_scales(const StoredTensor& tensor);
// Writes one row as blocks of mxfp4, type_bytes(mxfp4, columns) bytes: bits are moved, so nothing
// is lost. `tensor` is of that type and has row_scales. False when a scale is not a number.
bool join_row(const StoredTensor& tensor, uint64_t row, std::byte* to);
// The way back, of a row of mxfp4's blocks: two codes a byte, [columns / 2], and scales,
// [columns / 32].
void split_row(const std::byte* blocks, uint64_t columns, std::byte* codes, std::byte* scales);
// One row as f32, of either kind.
void decode_scaled_row(const StoredTensor& tensor, uint64_t row, float* to);
// E8M0 as f32: 2^(byte - 127), not a number for 255.
float e8m0_to_f32(std::byte byte);

}  // namespace weir
