// Any bytes as a row of any stored type: every table decodes them to the bits of the definition,
// and codes apart from their scales are joined and split again without a change.
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <vector>

#include "checkpoint/row_scales.h"
#include "kernels/kernels.h"

namespace {

void check_decoding(weir::WeightType type, const uint8_t* data, size_t size) {
  const weir::TypeTraits& traits = weir::type_traits(type);
  const size_t blocks = size / size_t(traits.block_bytes), count = blocks * size_t(traits.block);
  const std::vector<uint8_t> row(data, data + blocks * size_t(traits.block_bytes));
  const std::vector<float> scales(count / 32 + 1, 0.5f);
  std::vector<float> expected(count), found(count);
  weir::dequantize_row(type, row.data(), scales.data(), expected.data(), count);
  weir::kernels().dequantize(type, row.data(), scales.data(), found.data(), count);
  for (size_t i = 0; i < count; ++i) {
    const bool are_nan = expected[i] != expected[i] && found[i] != found[i];
    if (!are_nan && std::memcmp(&expected[i], &found[i], sizeof(float)) != 0) std::abort();
  }
}

void check_pieces(const uint8_t* data, size_t size) {
  const size_t blocks = size / 17;
  if (blocks == 0) return;
  weir::StoredTensor tensor;
  tensor.type = weir::WeightType::mxfp4;
  tensor.shape = {1, 32 * blocks};
  const std::vector<uint8_t> bytes(data, data + 17 * blocks);
  tensor.data = reinterpret_cast<const std::byte*>(bytes.data());
  tensor.row_scales = tensor.data + 16 * blocks;
  std::vector<std::byte> row(17 * blocks), codes(16 * blocks), scales(blocks);
  (void)weir::join_row(tensor, 0, row.data());
  weir::split_row(row.data(), tensor.columns(), codes.data(), scales.data());
  if (std::memcmp(codes.data(), tensor.data, codes.size()) != 0 ||
      std::memcmp(scales.data(), tensor.row_scales, scales.size()) != 0)
    std::abort();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size < 1 || size > (1 << 16)) return 0;
  if (const weir::TypeTraits* traits = weir::find_type(data[0]))
    check_decoding(traits->type, data + 1, size - 1);
  check_pieces(data + 1, size - 1);
  return 0;
}
