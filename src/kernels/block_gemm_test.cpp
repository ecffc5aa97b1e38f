// Products with stored weights: every table decodes to the bits of dequantize_row, and every way of
// cutting a product gives the bits of its definition.
#include <algorithm>
#include <string>

#include "kernels/narrow_floats.h"
#include "kernels/test_support.h"

namespace weir {
namespace {

using Stored = Guarded<uint8_t>;

std::vector<WeightType> all_types() {
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
Halves halves_of(WeightType type) {
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
    default:
      return {type_traits(type).block > 1 ? 0 : kNoHalf, kNoHalf};
  }
}

// Any bytes, with ordinary scales in quantized blocks; with `wild` these are any halves too.
Stored random_rows(Random& random, WeightType type, size_t count, bool wild) {
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
  if (type == WeightType::f8_e4m3)
    for (size_t i = 0; i < count; ++i) bytes[i] = uint8_t(random.below(0x7f) + 0x80 * (i % 2));
  return bytes;
}

TEST(Dequantize, EveryTableGivesTheBitsOfTheDefinition) {
  Random random(31, 0);
  for (WeightType type : all_types())
    for (int i = 0; i < 40; ++i) {
      const size_t block = size_t(type_traits(type).block);
      const size_t count = block * (1 + random.below(block > 1 ? 9 : 300));
      const Stored row = random_rows(random, type, count, i % 2 == 0);
      const Floats scales = awkward(random, (count + kScaleSquare - 1) / kScaleSquare);
      Floats expected(count);
      dequantize_row(type, row.data(), scales.data(), expected.data(), count);
      for (const Kernels* table : all_tables()) {
        Floats y(count);
        table->dequantize(type, row.data(), scales.data(), y.data(), count);
        EXPECT_TRUE(same(y, expected)) << table->name << " " << type_name(type);
      }
    }
}

// Every f16, bf16 and f8 there is.
TEST(Dequantize, OfNarrowFloatsHoldsForEveryBitPattern) {
  for (const Kernels* table : all_tables()) {
    std::vector<uint16_t> halves(1 << 16);
    for (size_t i = 0; i < halves.size(); ++i) halves[i] = uint16_t(i);
    for (WeightType type : {WeightType::f16, WeightType::bf16}) {
      Floats y(halves.size());
      table->dequantize(type, halves.data(), nullptr, y.data(), y.size());
      for (size_t i = 0; i < y.size(); ++i)
        ASSERT_TRUE(
            same(y[i], type == WeightType::f16 ? f16_to_f32(halves[i]) : bf16_to_f32(halves[i])))
            << table->name << " " << i;
    }
    std::vector<uint8_t> bytes(256);
    for (size_t i = 0; i < bytes.size(); ++i) bytes[i] = uint8_t(i);
    const float scales[] = {3, 0.7f};
    Floats y(bytes.size());
    table->dequantize(WeightType::f8_e4m3, bytes.data(), scales, y.data(), y.size());
    for (size_t i = 0; i < y.size(); ++i)
      ASSERT_TRUE(same(y[i], f8_to_f32(bytes[i]) * scales[i / 128])) << table->name << " " << i;
  }
}

struct alignas(64) Scratch {
  float floats[kGemmScratch];
};

// One product, its operands and the out matrix before the call.
struct Problem {
  WeightType type;
  int rows, cols, inner, first;
  bool gathers, accumulate;
  Stored weights;
  Floats scales, left, out;
  std::vector<int> gather;

  Problem(Random& random, WeightType t, int rows_, int cols_, int inner_, bool wild = false)
      : type(t),
        rows(rows_),
        cols(cols_),
        inner((inner_ + type_traits(t).block - 1) / type_traits(t).block * type_traits(t).block),
        first(int(random.below(200))),
        gathers(random.below(2) == 0),
        accumulate(random.below(2) == 0),
        weights(random_rows(random, t, size_t(cols) * size_t(inner), wild)),
        scales(normals(random, size_t((first + cols) / kScaleSquare + 1) * scales_row())),
        left(normals(random, size_t(rows) * left_row() - 3)),
        out(normals(random, size_t(rows) * out_row())),
        gather(size_t(rows)) {
    for (int& g : gather) g = int(random.below(uint64_t(rows)));
  }
  size_t scales_row() const { return size_t(inner / kScaleSquare + 1); }
  size_t left_row() const { return size_t(inner) + 3; }
  size_t out_row() const { return size_t(cols) + 5; }
  const float* left_of(int m) const {
    return left.data() + size_t(gathers ? gather[size_t(m)] : m) * left_row();
  }

  BlockGemm call(Floats& to) const {
    static Scratch scratch;
    BlockGemm g{};
    g.type = type;
    g.weights = weights.data();
    g.weight_row = type_bytes(type, size_t(inner));
    g.scales = type == WeightType::f8_e4m3 ? scales.data() : nullptr;
    g.scales_row = scales_row();
    g.first = first;
    g.left = left.data();
    g.left_row = left_row();
    g.left_rows = gathers ? gather.data() : nullptr;
    g.out = to.data();
    g.out_row = out_row();
    g.rows = rows, g.cols = cols, g.inner = inner;
    g.accumulate = accumulate;
    g.scratch = scratch.floats;
    return g;
  }
  Floats run(const Kernels& table) const {
    Floats result(out);
    table.block_gemm(call(result));
    return result;
  }
  // The definition: decoded rows, dotted in lanes.
  Floats expected() const {
    Floats result(out);
    std::vector<float> row(static_cast<size_t>(inner));
    for (int n = 0; n < cols; ++n) {
      dequantize_row(type, weights.data() + size_t(n) * type_bytes(type, size_t(inner)),
                     scales.data() + size_t((first + n) / kScaleSquare) * scales_row(), row.data(),
                     size_t(inner));
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

TEST(BlockGemm, EveryTableGivesTheBitsOfTheDefinition) {
  Random random(32, 0);
  for (WeightType type : all_types())
    for (int i = 0; i < 24; ++i) {
      const int rows = i % 3 == 0 ? 1 : 1 + int(random.below(30));
      const Problem p(random, type, rows, 1 + int(random.below(60)), 1 + int(random.below(900)),
                      i % 4 == 3);
      const Floats expected = p.expected();
      for (const Kernels* table : all_tables())
        EXPECT_TRUE(same(p.run(*table), expected)) << table->name << ": " << p.name();
    }
}

TEST(BlockGemm, LargeProblemsThatCrossEveryBlockGiveTheBitsOfTheDefinition) {
  Random random(33, 0);
  struct Size {
    int rows, cols, inner;
  };
  for (Size s : {Size{700, 26, 520}, Size{5, 130, 1600}, Size{1, 3, 5000}, Size{2, 1, 140000}})
    for (WeightType type :
         {WeightType::f16, WeightType::f8_e4m3, WeightType::q5_1, WeightType::q4_k}) {
      const Problem p(random, type, s.rows, s.cols, s.inner);
      const Floats expected = p.expected();
      for (const Kernels* table : all_tables())
        EXPECT_TRUE(same(p.run(*table), expected)) << table->name << ": " << p.name();
    }
}

TEST(BlockGemm, AnySplitOfRowsAndColumnsGivesTheSameBits) {
  Random random(34, 0);
  for (WeightType type : all_types())
    for (int i = 0; i < 4; ++i) {
      const Problem p(random, type, 1 + int(random.below(40)), 1 + int(random.below(60)),
                      1 + int(random.below(700)));
      for (const Kernels* table : fast_tables()) {
        const Floats whole = p.run(*table);
        Floats pieces(p.out);
        for (int m = 0, rows; m < p.rows; m += rows) {
          rows = std::min(p.rows - m, 1 + int(random.below(9)));
          for (int n = 0, cols; n < p.cols; n += cols) {
            cols = std::min(p.cols - n, 1 + int(random.below(20)));
            BlockGemm g = p.call(pieces);
            if (g.left_rows)
              g.left_rows += m;
            else
              g.left += size_t(m) * g.left_row;
            g.weights = static_cast<const uint8_t*>(g.weights) + size_t(n) * g.weight_row;
            g.first += n;
            g.out += size_t(m) * g.out_row + n;
            g.rows = rows, g.cols = cols;
            table->block_gemm(g);
          }
        }
        EXPECT_TRUE(same(pieces, whole)) << table->name << ": " << p.name();
      }
    }
}

}  // namespace
}  // namespace weir
