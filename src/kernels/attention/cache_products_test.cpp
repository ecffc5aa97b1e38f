// Products with narrow cache pages: every table against sums written out here, bit for bit.
#include "kernels/quant/narrow_floats.h"
#include "testing/kernel_support.h"

namespace weir {
namespace {

float number_at(WeightType type, const void* p, size_t i) {
  if (type == WeightType::f32) return static_cast<const float*>(p)[i];
  const uint16_t h = static_cast<const uint16_t*>(p)[i];
  return type == WeightType::f16 ? f16_to_f32(h) : bf16_to_f32(h);
}

// Every half but NaN, which comes as infinity times zero anyway, in turn.
Guarded<char> numbers(Random& random, WeightType type, size_t n) {
  Guarded<char> bytes(n * (type == WeightType::f32 ? 4 : 2));
  for (size_t i = 0; i < n; ++i) {
    const float x = i % 7 == 3 ? 0x1p-22f * random.normal() : random.normal();
    if (type == WeightType::f32) {
      std::memcpy(bytes.data() + i * 4, &x, 4);
      continue;
    }
    const uint16_t h = type == WeightType::f16 ? f32_to_f16(x) : f32_to_bf16(x);
    std::memcpy(bytes.data() + i * 2, &h, 2);
  }
  return bytes;
}

TEST(CacheProducts, NumbersAreOneChainPerOutput) {
  Random random(31, 0);
  for (WeightType type : {WeightType::f32, WeightType::f16, WeightType::bf16})
    for (int rows : {1, 2, 3, 4, 6, 7, 13, 16, 64})
      for (int cols : {16, 32, 48, 128})
        for (int inner : {1, 8, 31, 32}) {
          const size_t left_row = size_t(inner) + 3, out_row = size_t(cols) + 16;
          const Floats left = normals(random, size_t(rows) * left_row);
          const Guarded<char> right = numbers(random, type, size_t(inner) * size_t(cols));
          for (bool accumulate : {false, true}) {
            const Floats before = normals(random, size_t(rows) * out_row);
            Floats expected = before;
            for (int r = 0; r < rows; ++r)
              for (int c = 0; c < cols; ++c) {
                float sum = accumulate ? expected[size_t(r) * out_row + size_t(c)] : 0;
                for (int i = 0; i < inner; ++i)
                  sum = std::fma(left[size_t(r) * left_row + size_t(i)],
                                 number_at(type, right.data(), size_t(i * cols + c)), sum);
                expected[size_t(r) * out_row + size_t(c)] = sum;
              }
            for (const Kernels* table : all_tables()) {
              Floats out = before;
              NarrowProduct g{};
              g.type = type;
              g.left = left.data();
              g.left_row = left_row;
              g.right = right.data();
              g.right_row = size_t(cols);
              g.out = out.data();
              g.out_row = out_row;
              g.rows = rows;
              g.cols = cols;
              g.inner = inner;
              g.accumulate = accumulate;
              table->narrow_product(g);
              ASSERT_TRUE(same(out, expected)) << table->name << " " << type_name(type) << " "
                                               << rows << " " << cols << " " << inner;
            }
          }
        }
}

TEST(CacheProducts, SpecialHalvesAreWidened) {
  Random random(32, 0);
  const uint16_t special[] = {0x7c00, 0xfc00, 0x7e00, 0x0001, 0x8001, 0x03ff, 0x0400, 0x7bff};
  Guarded<uint16_t> right(16);
  for (size_t i = 0; i < 16; ++i) right[i] = special[i % 8];
  const float one = 1;
  for (const Kernels* table : all_tables()) {
    Floats out(16);
    NarrowProduct g{};
    g.type = WeightType::f16;
    g.left = &one;
    g.left_row = g.right_row = g.out_row = 16;
    g.right = right.data();
    g.out = out.data();
    g.rows = g.inner = 1;
    g.cols = 16;
    table->narrow_product(g);
    for (size_t i = 0; i < 16; ++i)
      EXPECT_TRUE(same(out[i], f16_to_f32(right[i]) + 0)) << table->name << " " << i;
  }
}

TEST(CacheProducts, WordsAreOneIntegerPerOutput) {
  Random random(33, 0);
  for (int rows : {1, 3, 6, 7, 12, 13, 64})
    for (int cols : {16, 32, 48, 128})
      for (int inner : {16, 32, 512}) {
        Guarded<int16_t> left(size_t(rows) * size_t(inner));
        Guarded<int8_t> right(size_t(inner) * size_t(cols));
        // At the limits too: sums must not overflow.
        const bool is_extreme = rows == 3;
        for (size_t i = 0; i < left.size(); ++i)
          left[i] = int16_t(is_extreme ? kWordMost : int(random.below(2 * kWordMost)) - kWordMost);
        for (size_t i = 0; i < right.size(); ++i)
          right[i] = int8_t(is_extreme ? -127 : int(random.below(255)) - 127);
        const Floats left_scale = normals(random, size_t(rows) * 3);
        const Floats right_scale = normals(random, size_t(cols));
        for (bool accumulate : {false, true})
          for (bool has_scale : {false, true}) {
            const Floats before = normals(random, size_t(rows) * size_t(cols));
            Floats expected = before;
            for (int r = 0; r < rows; ++r)
              for (int c = 0; c < cols; ++c) {
                int64_t sum = 0;
                for (int i = 0; i < inner; ++i)
                  sum += int64_t(left[size_t(r * inner + i)]) *
                         right[size_t(i / 2 * 2 * cols + c * 2 + i % 2)];
                ASSERT_LT(std::abs(sum), int64_t(1) << 31);
                const float scale = has_scale ? left_scale[size_t(r) * 3] * right_scale[size_t(c)]
                                              : left_scale[size_t(r) * 3];
                float& out = expected[size_t(r * cols + c)];
                out = std::fma(float(sum), scale, accumulate ? out : 0);
              }
            for (const Kernels* table : all_tables()) {
              Floats out = before;
              WordProduct g{};
              g.left = left.data();
              g.left_row = size_t(inner);
              g.left_scale = left_scale.data();
              g.left_scale_row = 3;
              g.right = right.data();
              g.right_row = 2 * size_t(cols);
              g.right_scale = has_scale ? right_scale.data() : nullptr;
              g.out = out.data();
              g.out_row = size_t(cols);
              g.rows = rows;
              g.cols = cols;
              g.inner = inner;
              g.accumulate = accumulate;
              table->word_product(g);
              ASSERT_TRUE(same(out, expected))
                  << table->name << " " << rows << " " << cols << " " << inner;
            }
          }
      }
}

TEST(CacheProducts, WordsAreRoundedToNearestOfTheLargest) {
  Random random(34, 0);
  for (int n : {1, 15, 16, 17, 32, 100})
    for (bool has_factors : {false, true}) {
      const int padded = (n + 31) / 32 * 32;
      const Floats x = normals(random, size_t(n)), factors = normals(random, size_t(n));
      float most = 0;
      const auto value = [&](int i) {
        return has_factors ? x[size_t(i)] * factors[size_t(i)] : x[size_t(i)];
      };
      for (int i = 0; i < n; ++i) most = std::max(most, std::fabs(value(i)));
      for (const Kernels* table : all_tables()) {
        Guarded<int16_t> words(static_cast<size_t>(padded));
        const float scale = table->to_words(x.data(), has_factors ? factors.data() : nullptr, n,
                                            padded, words.data());
        EXPECT_EQ(scale, most / kWordMost) << table->name;
        for (int i = 0; i < padded; ++i)
          ASSERT_EQ(words[size_t(i)],
                    i < n ? int(std::nearbyint(double(value(i)) * double(kWordMost / most))) : 0)
              << table->name << " " << n << " " << i;
      }
    }
}

TEST(CacheProducts, WordsOfNothingAndOfWhatIsNotFinite) {
  for (const Kernels* table : all_tables()) {
    Guarded<int16_t> words(16);
    const float zeros[16] = {0, -0.0f, 1e-38f};
    EXPECT_EQ(table->to_words(zeros, nullptr, 16, 16, words.data()), 0) << table->name;
    for (size_t i = 0; i < 16; ++i) EXPECT_EQ(words[i], 0);
    for (float bad : {NAN, INFINITY, -INFINITY}) {
      const float x[16] = {1, 2, bad};
      EXPECT_TRUE(std::isnan(table->to_words(x, nullptr, 16, 16, words.data()))) << table->name;
    }
  }
}

TEST(CacheProducts, CodesAreMovedAsDefined) {
  Random random(35, 0);
  const int8_t curve[16] = {-8, -7, -6, -5, -4, -3, -2, -1, 0, 1, 2, 3, 4, 5, 6, 127};
  for (int width : {16, 48, 128, 576}) {
    const size_t row = size_t(width) + 32;
    Guarded<int8_t> rows(row * (kCodeRows - 1) + size_t(width));
    for (size_t i = 0; i < rows.size(); ++i) rows[i] = int8_t(random.below(256));
    Guarded<uint8_t> packed(static_cast<size_t>(width));
    for (size_t i = 0; i < packed.size(); ++i) packed[i] = uint8_t(random.below(256));
    for (const Kernels* table : all_tables()) {
      Guarded<int8_t> inner(size_t(width) * kCodeRows), pairs(size_t(width) * kCodeRows);
      table->inner_pairs(rows.data(), row, width, inner.data());
      table->row_pairs(rows.data(), row, width, pairs.data());
      for (int u = 0; u < kCodeRows; ++u)
        for (int k = 0; k < width; ++k) {
          const int8_t code = rows[size_t(u) * row + size_t(k)];
          ASSERT_EQ(inner[size_t(k / 2 * 2 * kCodeRows + u * 2 + k % 2)], code) << table->name;
          ASSERT_EQ(pairs[size_t(u / 2 * 2 * width + k * 2 + u % 2)], code) << table->name;
        }
      Guarded<int8_t> codes(2 * size_t(width));
      table->unpack_nibbles(packed.data(), curve, codes.size(), codes.data());
      for (size_t i = 0; i < packed.size(); ++i) {
        ASSERT_EQ(codes[i], curve[packed[i] & 15]) << table->name;
        ASSERT_EQ(codes[i + packed.size()], curve[packed[i] >> 4]) << table->name;
      }
    }
  }
}

}  // namespace
}  // namespace weir
