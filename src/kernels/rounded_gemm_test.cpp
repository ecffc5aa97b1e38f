// Products of left rows rounded to eight bits with quantized weights: the same bits on every table
// and for every way of cutting, near the product of the rounded numbers, and what is not a number
// shows.
#include "kernels/block_test_support.h"

namespace weir {
namespace {

std::vector<WeightType> quantized_types() {
  std::vector<WeightType> types;
  for (WeightType type : all_types())
    if (is_quantized(type)) types.push_back(type);
  return types;
}

TEST(RoundedGemm, EveryTableGivesTheBitsOfTheScalarOne) {
  Random random(41, 0);
  for (WeightType type : quantized_types())
    for (int i = 0; i < 24; ++i) {
      const int rows = i % 3 == 0 ? 1 : 1 + int(random.below(30));
      StoredProblem p(random, type, rows, 1 + int(random.below(60)), 1 + int(random.below(1200)),
                      i % 4 == 3);
      p.round(*scalar_kernels());
      const Floats expected = p.run(*scalar_kernels());
      for (const Kernels* table : fast_tables())
        EXPECT_TRUE(same(p.run(*table), expected)) << table->name << ": " << p.name();
    }
}

TEST(RoundedGemm, AnySplitOfRowsAndColumnsGivesTheSameBits) {
  Random random(42, 0);
  for (WeightType type : quantized_types())
    for (int i = 0; i < 6; ++i) {
      StoredProblem p(random, type, 1 + int(random.below(40)), 1 + int(random.below(60)),
                      i == 0 ? 60000 : 1 + int(random.below(1200)));
      p.round(kernels());
      for (const Kernels* table : all_tables())
        EXPECT_TRUE(same(p.run_in_pieces(*table, random), p.run(*table)))
            << table->name << ": " << p.name();
    }
}

// Rows too long for the scratch go one at a time.
TEST(RoundedGemm, LongRowsGiveTheSameBits) {
  Random random(43, 0);
  for (WeightType type : {WeightType::q4_0, WeightType::q6_k}) {
    StoredProblem p(random, type, 2, 3, 600000);
    p.round(kernels());
    for (const Kernels* table : all_tables())
      EXPECT_TRUE(same(p.run_in_pieces(*table, random), p.run(*table))) << table->name;
  }
}

// The number k of a rounded row.
float rounded_number(const StoredProblem& p, int row, int k) {
  const uint8_t* bytes = p.rounded[0].data() + size_t(row) * p.rounded_row();
  float scale;
  std::memcpy(&scale, bytes + p.inner + 4 * (k / type_traits(p.type).block), sizeof scale);
  return float(int8_t(bytes[k])) * scale;
}

TEST(RoundedLeft, IsWithinHalfAStepOfTheNumbers) {
  Random random(44, 0);
  for (WeightType type : {WeightType::q8_0, WeightType::q4_k})
    for (const Kernels* table : all_tables()) {
      StoredProblem p(random, type, 3, 1, 1500);
      for (size_t i = 0; i < p.left_row(); ++i) p.left[i] *= i < 512 ? 0 : 1e3f;
      p.round(*table);
      const int block = type_traits(type).block;
      for (int m = 0; m < p.rows; ++m)
        for (int begin = 0; begin < p.inner; begin += block) {
          const float* x = p.left.data() + size_t(m) * p.left_row() + begin;
          float most = 0;
          for (int k = 0; k < block; ++k) most = std::max(most, std::fabs(x[k]));
          for (int k = 0; k < block; ++k)
            ASSERT_LE(std::fabs(rounded_number(p, m, begin + k) - x[k]), 0.50001f * most / 127);
        }
    }
}

TEST(RoundedLeft, IsTheSameOnEveryTable) {
  Random random(45, 0);
  for (WeightType type : {WeightType::q8_0, WeightType::q4_k})
    for (const Kernels* table : fast_tables()) {
      StoredProblem p(random, type, 20, 1, 1500);
      const Floats left = awkward(random, p.left.size());
      std::memcpy(p.left.data(), left.data(), left.size() * sizeof(float));
      p.round(*scalar_kernels());
      const Stored expected = p.rounded[0];
      p.rounded.clear();
      p.round(*table);
      for (size_t m = 0; m < size_t(p.rows); ++m) {  // not what lies between the rows
        const size_t at = m * p.rounded_row(), n = size_t(p.inner);
        const size_t used = type == WeightType::q8_0 ? n / 4 : n / 64 + n / 8;
        ASSERT_EQ(std::memcmp(expected.data() + at, p.rounded[0].data() + at, n + used), 0);
      }
    }
}

// One part in 2^19 of the sizes that are added: there are up to 100 roundings of 2^-24 at sizes of
// a few times the largest weight (a step's and a minimum's).
TEST(RoundedGemm, IsNearTheProductOfTheRoundedNumbers) {
  Random random(46, 0);
  for (WeightType type : quantized_types())
    for (int rows : {1, 5}) {
      StoredProblem p(random, type, rows, 7, 1500);
      p.accumulate = p.gathers = false;
      p.round(kernels());
      const Floats out = p.run(kernels());
      std::vector<float> w(size_t(p.inner));
      for (int n = 0; n < p.cols; ++n) {
        dequantize_row(type, p.weights.data() + size_t(n) * type_bytes(type, w.size()), nullptr,
                       w.data(), w.size());
        float most = 0;
        for (float x : w) most = std::max(most, std::fabs(x));
        for (int m = 0; m < rows; ++m) {
          double sum = 0, size = 0;
          for (int k = 0; k < p.inner; ++k) {
            sum += double(rounded_number(p, m, k)) * double(w[size_t(k)]);
            size += std::fabs(double(rounded_number(p, m, k)) * double(most));
          }
          EXPECT_NEAR(out[size_t(m) * p.out_row() + size_t(n)], sum, 0x1p-19 * size) << p.name();
        }
      }
    }
}

TEST(RoundedGemm, ANumberThatIsNotFiniteMakesItsRowNaN) {
  Random random(47, 0);
  for (WeightType type : quantized_types())
    for (float wrong : {NAN, INFINITY, -INFINITY})
      for (const Kernels* table : all_tables()) {
        StoredProblem p(random, type, 3, 4, 1024);
        p.accumulate = p.gathers = false;
        p.left[p.left_row() + 700] = wrong;
        p.round(*table);
        const Floats out = p.run(*table);
        for (size_t n = 0; n < 4; ++n) {
          EXPECT_TRUE(std::isfinite(out[n]));
          EXPECT_TRUE(std::isnan(out[p.out_row() + n])) << table->name << " " << p.name();
          EXPECT_TRUE(std::isfinite(out[2 * p.out_row() + n]));
        }
      }
}

}  // namespace
}  // namespace weir
