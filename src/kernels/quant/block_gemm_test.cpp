// Products with stored weights: every table decodes to the bits of dequantize_row, and every way of
// cutting a product gives the bits of its definition.
#include "testing/block_support.h"

namespace weir {
namespace {

TEST(Dequantize, EveryTableGivesTheBitsOfTheDefinition) {
  Random random(31, 0);
  for (WeightType type : all_types())
    for (int i = 0; i < 40; ++i) {
      const size_t block = size_t(type_traits(type).block);
      const size_t count = block * (1 + random.below(block > 1 ? 9 : 300));
      const Stored row = random_rows(random, type, count, i % 2 == 0);
      const Floats scales = awkward(random, (count + 31) / 32);
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

TEST(BlockGemm, EveryTableGivesTheBitsOfTheDefinition) {
  Random random(32, 0);
  for (WeightType type : all_types())
    for (int i = 0; i < 24; ++i) {
      const int rows = i % 3 == 0 ? 1 : 1 + int(random.below(30));
      const StoredProblem p(random, type, rows, 1 + int(random.below(60)),
                            1 + int(random.below(900)), i % 4 == 3);
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
      const StoredProblem p(random, type, s.rows, s.cols, s.inner);
      const Floats expected = p.expected();
      for (const Kernels* table : all_tables())
        EXPECT_TRUE(same(p.run(*table), expected)) << table->name << ": " << p.name();
    }
}

TEST(BlockGemm, AnySplitOfRowsAndColumnsGivesTheSameBits) {
  Random random(34, 0);
  for (WeightType type : all_types())
    for (int i = 0; i < 4; ++i) {
      const StoredProblem p(random, type, 1 + int(random.below(40)), 1 + int(random.below(60)),
                            1 + int(random.below(700)));
      for (const Kernels* table : fast_tables()) {
        EXPECT_TRUE(same(p.run_in_pieces(*table, random), p.run(*table)))
            << table->name << ": " << p.name();
      }
    }
}

}  // namespace
}  // namespace weir
