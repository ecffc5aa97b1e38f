#include "kernels/quant/quantize.h"

#include <algorithm>
#include <cmath>
#include <cstring>

#include "base/check.h"
#include "kernels/kernels.h"
#include "kernels/quant/quantize_encoders.h"
#include "kernels/quant/quantize_search.h"
#include "kernels/quant/types.h"

namespace weir {
namespace {

constexpr int kLargestBlock = 256;
constexpr float kLargestHalf = 65504;
constexpr float kLargestInput = 0x1p30f;  // more than any block can hold

// Weights of one block from the importance of its columns: at most 1, and not quite 0, so that a
// column nobody has met keeps its numbers when that costs nothing.
void weights_of(const float* importance, int count, float* weights) {
  constexpr float kLeast = 0x1p-20f;
  const float most = *std::max_element(importance, importance + count);
  if (!(most > 1e-30f && most < 1e30f)) {
    std::fill_n(weights, count, 1.0f);
    return;
  }
  const float scale = 1 / most;
  for (int i = 0; i < count; ++i) weights[i] = std::max(kLeast, importance[i] * scale);
}

void quantize_blocks(const TypeRow& traits, const float* x, const float* importance, size_t count,
                     uint8_t* row) {
  alignas(64) float numbers[kLargestBlock], weights[kLargestBlock];
  std::fill_n(weights, kLargestBlock, 1.0f);
  for (size_t i = 0; i < count; i += size_t(traits.block), row += traits.block_bytes) {
    for (int k = 0; k < traits.block; ++k) {
      const float number = x[i + size_t(k)];
      numbers[k] = number == number ? std::clamp(number, -kLargestInput, kLargestInput) : 0;
    }
    if (importance) weights_of(importance + i, traits.block, weights);
    traits.encode(numbers, weights, row);
  }
}

}  // namespace

uint16_t finite_half(float x) { return f32_to_f16(std::clamp(x, -kLargestHalf, kLargestHalf)); }

uint16_t half_of_scale(float scale) {
  const float size = std::abs(scale);
  if (size >= 0x1p-14f) return finite_half(scale);
  const uint16_t sign = std::signbit(scale) ? 0x8000 : 0;
  return uint16_t(sign | uint16_t(std::ceil(size * 0x1p24f)));
}

const Search& search() {
  static const Search& chosen = []() -> const Search& {
    for (const Search* table : {kAvx512Search, kAvx2Search})
      if (table && std::strcmp(table->name, kernels().floats) == 0) return *table;
    return kScalarSearch;
  }();
  return chosen;
}

bool is_written(WeightType type) {
  const TypeRow& traits = type_row(type);
  return traits.encode != nullptr || (traits.block == 1 && !has_scale_squares(type));
}

void quantize_row(WeightType type, const float* x, const float* importance, size_t count,
                  void* row) {
  const TypeRow& traits = type_row(type);
  CHECK_EQ(count % size_t(traits.block), 0u);
  uint8_t* bytes = static_cast<uint8_t*>(row);
  if (type == WeightType::f32) {
    std::memcpy(bytes, x, count * sizeof(float));
  } else if (type == WeightType::f16) {
    for (size_t i = 0; i < count; ++i) put_half(bytes + 2 * i, finite_half(x[i]));
  } else if (type == WeightType::bf16) {
    for (size_t i = 0; i < count; ++i) put_half(bytes + 2 * i, f32_to_bf16(x[i]));
  } else {
    CHECK(traits.encode != nullptr);
    quantize_blocks(traits, x, importance, count, bytes);
  }
}

}  // namespace weir
