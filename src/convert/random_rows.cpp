#include "convert/random_rows.h"

#include <algorithm>
#include <cstring>

#include "base/div_up.h"
#include "base/random.h"
#include "kernels/quant/quantize.h"

namespace weir {
namespace {

constexpr uint64_t kDifferent = 512;

// f8_e4m3 by hand: magnitudes from 2^-3 to just below 8, which a scale brings to the wanted spread.
uint8_t random_f8(Random& random) {
  const uint64_t bits = random.next();
  const uint8_t exponent = uint8_t(4 + (bits >> 8) % 6), mantissa = uint8_t(bits & 7);
  return uint8_t((bits >> 16 & 1) << 7 | uint64_t(exponent << 3 | mantissa));
}

}  // namespace

const std::vector<std::byte>& RandomRows::pool(WeightType type, uint64_t columns, float spread) {
  std::vector<std::byte>& rows = made_[{type, columns, spread}];
  if (!rows.empty()) return rows;
  const size_t row = type_bytes(type, columns);
  rows.resize(kDifferent * row);
  pool_.parallel_for(int(kDifferent), [&](int r, int) {
    Random random(seed_, columns * kDifferent + uint64_t(r));
    std::byte* to = rows.data() + size_t(r) * row;
    if (type == WeightType::f8_e4m3) {
      for (uint64_t i = 0; i < columns; ++i) to[i] = std::byte(random_f8(random));
      return;
    }
    std::vector<float> values(columns);
    for (float& value : values) value = spread * random.normal();
    quantize_row(type, values.data(), nullptr, columns, to);
  });
  return rows;
}

void RandomRows::fill(WeightType type, uint64_t columns, float spread, uint64_t tensor,
                      uint64_t first, uint64_t rows, std::byte* to) {
  const std::vector<std::byte>& from = pool(type, columns, spread);
  const size_t row = type_bytes(type, columns);
  constexpr int kRows = 256;
  pool_.parallel_for(int(div_up(rows, kRows)), [&](int task, int) {
    const uint64_t begin = uint64_t(task) * kRows, end = std::min(rows, begin + kRows);
    for (uint64_t r = begin; r < end; ++r) {
      const uint64_t chosen = mix64(mix64(seed_ ^ tensor) + first + r) % kDifferent;
      std::memcpy(to + r * row, from.data() + chosen * row, row);
    }
  });
}

}  // namespace weir
