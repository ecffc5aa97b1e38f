#include "checkpoint/row_scales.h"

#include <algorithm>
#include <cmath>
#include <vector>

#include "kernels/kernels.h"

namespace weir {
namespace {

constexpr size_t kBlockBytes = 17, kCodes = 16;  // of mxfp4
constexpr std::byte kNotANumber{255};

}  // namespace

uint64_t bytes_without_scales(const StoredTensor& tensor) {
  return tensor.type == WeightType::mxfp4 ? tensor.count() / 2 : tensor.count();
}

// In a folder byte i of 16 has numbers 2 i and 2 i + 1; in a block numbers i and i + 16.
bool join_row(const StoredTensor& tensor, uint64_t row, std::byte* to) {
  const uint64_t blocks = tensor.columns() / kRowScaleColumns;
  const std::byte* codes = tensor.data + row * tensor.columns() / 2;
  const std::byte* scales = tensor.row_scales + row * blocks;
  bool is_number = true;
  for (uint64_t b = 0; b < blocks; ++b, codes += kCodes, to += kBlockBytes) {
    to[0] = scales[b];
    is_number &= scales[b] != kNotANumber;
    for (size_t i = 0; i < kCodes; ++i) {
      const unsigned shift = i % 2 * 4;
      const unsigned low = unsigned(codes[i / 2]) >> shift & 15,
                     high = unsigned(codes[8 + i / 2]) >> shift & 15;
      to[1 + i] = std::byte(low | high << 4);
    }
  }
  return is_number;
}

void split_row(const std::byte* blocks, uint64_t columns, std::byte* codes, std::byte* scales) {
  for (uint64_t b = 0; b < columns / kRowScaleColumns;
       ++b, blocks += kBlockBytes, codes += kCodes) {
    scales[b] = blocks[0];
    for (size_t i = 0; i < kCodes / 2; ++i) {
      const unsigned even = unsigned(blocks[1 + 2 * i]), odd = unsigned(blocks[2 + 2 * i]);
      codes[i] = std::byte((even & 15) | (odd & 15) << 4);
      codes[8 + i] = std::byte(even >> 4 | (odd >> 4) << 4);
    }
  }
}

float e8m0_to_f32(std::byte byte) {
  return byte == kNotANumber ? NAN : std::ldexp(1.0f, int(byte) - 127);
}

void decode_scaled_row(const StoredTensor& tensor, uint64_t row, float* to) {
  const uint64_t columns = tensor.columns(), groups = columns / kRowScaleColumns;
  if (tensor.type == WeightType::mxfp4) {
    std::vector<std::byte> blocks(type_bytes(tensor.type, columns));
    if (!join_row(tensor, row, blocks.data())) {
      std::fill_n(to, columns, NAN);
      return;
    }
    kernels().dequantize(tensor.type, blocks.data(), nullptr, to, columns);
    return;
  }
  std::vector<float> scales(groups);
  std::transform(tensor.row_scales + row * groups, tensor.row_scales + (row + 1) * groups,
                 scales.begin(), e8m0_to_f32);
  kernels().dequantize(tensor.type, tensor.data + row * columns, scales.data(), to, columns);
}

}  // namespace weir
