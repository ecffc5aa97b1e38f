// Test support: weights of any stored type, made of random bytes with ordinary scales.
#pragma once
#include <cstring>
#include <vector>

#include "base/div_up.h"
#include "base/random.h"
#include "kernels/quant/narrow_floats.h"
#include "tensor/matrix.h"

namespace weir::testing {

// A mapped weight and its memory; `groups` times [rows][cols].
struct StoredWeight {
  std::vector<std::vector<uint8_t>> bytes;
  std::vector<std::vector<float>> scales;
  Matrix weight;

  StoredWeight(WeightType type, int groups, int rows, int cols) {
    Random random(71, uint64_t(type));
    weight.name = type_name(type);
    weight.type = type, weight.groups = groups;
    weight.rows = groups * rows, weight.cols = cols;
    const size_t squares =
        size_t(div_up(rows, scale_square(type)) * div_up(cols, scale_square(type)));
    for (int g = 0; g < groups; ++g) {
      auto& data = bytes.emplace_back(type_bytes(type, size_t(rows) * size_t(cols)));
      // Below 0x2c in every high byte: no half is above 1/16, no f8 above 0.2.
      for (uint8_t& b : data) b = uint8_t(random.below(0x2c));
      if (type == WeightType::q8_0) spread_signs(data, random);
      weight.parts.push_back(data.data());
      auto& s = scales.emplace_back(squares);
      for (float& x : s) x = random.normal();
      weight.scales.push_back(s.data());
    }
  }
  StoredWeight(const StoredWeight&) = delete;
  StoredWeight& operator=(const StoredWeight&) = delete;

 private:
  static void spread_signs(std::vector<uint8_t>& data, Random& random) {
    for (size_t block = 0; block < data.size(); block += 34)
      for (size_t i = block + 2; i < block + 34; ++i) data[i] = uint8_t(random.next());
  }
};

}  // namespace weir::testing
