// What the tests of stored weights share: rows of any type with any or ordinary bytes, and one
// product with its operands.
#pragma once
#include <algorithm>
#include <string>

#include "base/div_up.h"
#include "kernels/quant/narrow_floats.h"
#include "testing/kernel_support.h"

namespace weir {

using Stored = Guarded<uint8_t>;

inline std::vector<WeightType> all_types() {
  std::vector<WeightType> types;
  for (int i = 0; i < 256; ++i)
    if (find_type(i)) types.push_back(WeightType(i));
  return types;
}

// Where a block has halves; kNoHalf: there is none.
constexpr int kNoHalf = -1;
struct Halves {
  int first, second;
};
inline bool is_quantized(WeightType type) { return has_integer_products(type); }

inline Halves halves_of(WeightType type) {
  switch (type) {
    case WeightType::q4_1:
    case WeightType::q5_1:
    case WeightType::q4_k:
    case WeightType::q5_k:
      return {0, 2};
    case WeightType::q2_k:
      return {80, 82};
    case WeightType::q3_k:
      return {108, kNoHalf};
    case WeightType::q6_k:
      return {208, kNoHalf};
    case WeightType::tq1_0:
      return {52, kNoHalf};
    case WeightType::tq2_0:
      return {64, kNoHalf};
    case WeightType::iq1_m:  // whose half is in parts
    case WeightType::mxfp4:
    case WeightType::nvfp4:
      return {kNoHalf, kNoHalf};
    default:
      return {type_traits(type).block > 1 ? 0 : kNoHalf, kNoHalf};
  }
}

// Any bytes, with ordinary scales in quantized blocks; with `wild` these are any halves too.
inline Stored random_rows(Random& random, WeightType type, size_t count, bool wild) {
  Stored bytes(type_bytes(type, count));
  for (size_t i = 0; i < bytes.size(); ++i) bytes[i] = uint8_t(random.next());
  if (wild) return bytes;
  const Halves halves = halves_of(type);
  const size_t block = size_t(type_traits(type).block_bytes);
  if (type == WeightType::f32)
    for (size_t i = 0; i < count; ++i) {
      const float x = random.normal();
      std::memcpy(bytes.data() + 4 * i, &x, sizeof x);
    }
  for (size_t b = 0; b < bytes.size(); b += block)
    for (int at : {halves.first, halves.second}) {
      const uint16_t half = f32_to_f16(0.02f * random.normal());
      if (at != kNoHalf) std::memcpy(bytes.data() + b + at, &half, sizeof half);
      if (type == WeightType::f16) std::memcpy(bytes.data() + b, &half, sizeof half);
    }
  if (type == WeightType::bf16)
    for (size_t i = 0; i < count; ++i) bytes[2 * i + 1] = uint8_t(0x3f + 0x80 * random.below(2));
  if (has_scale_squares(type))
    for (size_t i = 0; i < count; ++i) bytes[i] = uint8_t(random.below(0x7f) + 0x80 * (i % 2));
  return bytes;
}

struct alignas(64) ScratchFloats {
  float floats[kGemmScratch];
};

// One product, its operands and the out matrix before the call.
struct StoredProblem {
  WeightType type;
  int rows, cols, inner, first;
  bool gathers, accumulate;
  Stored weights;
  Floats scales, left, out;
  std::vector<int> gather;
  std::vector<Guarded<uint8_t>> quantized;  // none, or all activation rows as one array

  StoredProblem(Random& random, WeightType t, int rows_, int cols_, int inner_, bool wild = false)
      : type(t),
        rows(rows_),
        cols(cols_),
        inner((inner_ + type_traits(t).block - 1) / type_traits(t).block * type_traits(t).block),
        first(int(random.below(200))),
        gathers(random.below(2) == 0),
        accumulate(random.below(2) == 0),
        weights(random_rows(random, t, size_t(cols) * size_t(inner), wild)),
        scales(normals(random, size_t((first + cols) / scale_square(t) + 1) * scales_row())),
        left(normals(random, size_t(rows) * left_row() - 3)),
        out(normals(random, size_t(rows) * out_row())),
        gather(size_t(rows)) {
    for (int& g : gather) g = int(random.below(uint64_t(rows)));
  }
  size_t scales_row() const { return size_t(inner / scale_square(type) + 1); }
  size_t left_row() const { return size_t(inner) + 3; }
  size_t out_row() const { return size_t(cols) + 5; }
  size_t quantized_row() const { return quantized_row_bytes(inner); }
  // From now on the products are integer products.
  void round(const Kernels& table) {
    quantized.emplace_back(quantized_row() * size_t(rows));
    for (size_t m = 0; m < size_t(rows); ++m)
      table.quantize_activations(left.data() + m * left_row(), inner,
                                 quantized[0].data() + m * quantized_row());
  }
  const float* left_of(int m) const {
    return left.data() + size_t(gathers ? gather[size_t(m)] : m) * left_row();
  }

  // What both kinds of product say in the same way.
  template <class Product>
  Product product(Floats& to) const {
    static ScratchFloats scratch;
    Product g{};
    g.type = type;
    g.weights = weights.data();
    g.weight_row = type_bytes(type, size_t(inner));
    g.left_rows = gathers ? gather.data() : nullptr;
    g.out = to.data();
    g.out_row = out_row();
    g.rows = rows, g.cols = cols, g.inner = inner;
    g.accumulate = accumulate;
    g.scratch = scratch.floats;
    return g;
  }
  BlockGemm call(Floats& to) const {
    auto g = product<BlockGemm>(to);
    g.scales = has_scale_squares(type) ? scales.data() : nullptr;
    g.scales_row = scales_row();
    g.first = first;
    g.left = left.data();
    g.left_row = left_row();
    return g;
  }
  IntegerGemm integer_call(Floats& to) const {
    auto g = product<IntegerGemm>(to);
    g.left = quantized[0].data();
    g.left_row = quantized_row();
    return g;
  }
  // The weights repacked.
  Guarded<uint8_t> panels(const Kernels& table) const {
    const size_t bytes = panel_bytes(type, inner), row = type_bytes(type, size_t(inner));
    Guarded<uint8_t> result(bytes * size_t(div_up(cols, kPanelRows)));
    for (int n = 0; n < cols; n += kPanelRows)
      table.repack_panel(type, weights.data() + size_t(n) * row, row,
                         std::min(kPanelRows, cols - n), inner,
                         result.data() + size_t(n / kPanelRows) * bytes);
    return result;
  }
  Floats run(const Kernels& table) const {
    Floats result(out);
    if (quantized.empty())
      table.block_gemm(call(result));
    else
      table.integer_gemm(integer_call(result));
    return result;
  }
  Floats run_with_panels(const Kernels& table) const {
    Floats result(out);
    const Guarded<uint8_t> repacked = panels(table);
    IntegerGemm g = integer_call(result);
    g.weights = nullptr;
    g.panels = repacked.data();
    table.integer_gemm(g);
    return result;
  }
  // The same in pieces of a few rows and columns.
  Floats run_in_pieces(const Kernels& table, Random& random) const {
    Floats result(out);
    for (int m = 0, m_count; m < rows; m += m_count) {
      m_count = std::min(rows - m, 1 + int(random.below(9)));
      for (int n = 0, n_count; n < cols; n += n_count) {
        n_count = std::min(cols - n, 1 + int(random.below(20)));
        auto cut = [&](auto g) {
          if (g.left_rows)
            g.left_rows += m;
          else
            g.left += size_t(m) * g.left_row;
          g.weights = static_cast<const uint8_t*>(g.weights) + size_t(n) * g.weight_row;
          g.out += size_t(m) * g.out_row + size_t(n);
          g.rows = m_count, g.cols = n_count;
          return g;
        };
        BlockGemm g = cut(call(result));
        g.first += n;
        if (quantized.empty())
          table.block_gemm(g);
        else
          table.integer_gemm(cut(integer_call(result)));
      }
    }
    return result;
  }
  // The definition: decoded rows, dotted in lanes.
  Floats expected() const {
    Floats result(out);
    std::vector<float> row(static_cast<size_t>(inner));
    for (int n = 0; n < cols; ++n) {
      dequantize_row(type, weights.data() + size_t(n) * type_bytes(type, size_t(inner)),
                     scales.data() + size_t((first + n) / scale_square(type)) * scales_row(),
                     row.data(), size_t(inner));
      for (int m = 0; m < rows; ++m) {
        float& o = result[size_t(m) * out_row() + size_t(n)];
        const float sum = scalar_kernels()->dot(left_of(m), row.data(), inner);
        o = accumulate ? o + sum : sum;
      }
    }
    return result;
  }
  std::string name() const {
    return std::string(type_name(type)) + " " + std::to_string(rows) + " x " +
           std::to_string(cols) + " x " + std::to_string(inner);
  }
};

}  // namespace weir
