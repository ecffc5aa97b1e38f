// Integer products of activation rows quantized to 14 bits with quantized weights: the same bits on
// every table and for every way of cutting, near the product of the quantized numbers, and what is
// not a number shows.
#include "testing/block_support.h"
#include "testing/emulated/emulated_tables.h"

namespace weir {
namespace {

std::vector<WeightType> quantized_types() {
  std::vector<WeightType> types;
  for (WeightType type : all_types())
    if (is_quantized(type)) types.push_back(type);
  return types;
}

// This machine's tables, and those of other machines in software.
std::vector<const Kernels*> fast_integer_tables() {
  std::vector<const Kernels*> tables = fast_tables();
  for (const Kernels& table : emulated_tables()) tables.push_back(&table);
  return tables;
}
std::vector<const Kernels*> all_integer_tables() {
  std::vector<const Kernels*> tables = fast_integer_tables();
  tables.insert(tables.begin(), scalar_kernels());
  return tables;
}

TEST(IntegerGemm, EveryTableGivesTheBitsOfTheScalarOne) {
  Random random(41, 0);
  for (WeightType type : quantized_types())
    for (int i = 0; i < 24; ++i) {
      const int rows = i % 3 == 0 ? 1 : 1 + int(random.below(i % 3 == 1 ? 30 : 70));
      StoredProblem p(random, type, rows, 1 + int(random.below(60)), 1 + int(random.below(1200)),
                      i % 4 == 3);
      p.round(*scalar_kernels());
      const Floats expected = p.run(*scalar_kernels());
      for (const Kernels* table : fast_integer_tables())
        EXPECT_TRUE(same(p.run(*table), expected)) << table->name << ": " << p.name();
      for (const Kernels* table : fast_integer_tables())
        EXPECT_TRUE(same(p.run_with_panels(*table), expected))
            << table->name << " with panels: " << p.name();
    }
}

TEST(IntegerGemm, PanelsAreTheSameOnEveryTable) {
  Random random(50, 0);
  for (WeightType type : quantized_types()) {
    StoredProblem p(random, type, 1, 37, 1200, true);
    for (const Kernels* table : fast_integer_tables()) {
      const Stored a = p.panels(*table), b = p.panels(*fast_integer_tables()[0]);
      EXPECT_EQ(std::memcmp(a.data(), b.data(), a.size()), 0) << p.name();
    }
  }
}

TEST(IntegerGemm, AnySplitOfRowsAndColumnsGivesTheSameBits) {
  Random random(42, 0);
  for (WeightType type : quantized_types())
    for (int i = 0; i < 6; ++i) {
      const bool is_long = i == 0;  // and then few rows, for the time it takes
      StoredProblem p(random, type, 1 + int(random.below(is_long ? 6 : 40)),
                      1 + int(random.below(is_long ? 8 : 60)),
                      is_long ? 60000 : 1 + int(random.below(1200)));
      p.round(kernels());
      for (const Kernels* table : all_integer_tables())
        EXPECT_TRUE(same(p.run_in_pieces(*table, random), p.run(*table)))
            << table->name << ": " << p.name();
    }
}

// Rows too long for the scratch go one at a time.
TEST(IntegerGemm, LongRowsGiveTheSameBits) {
  Random random(43, 0);
  for (WeightType type : {WeightType::q4_0, WeightType::q6_k}) {
    StoredProblem p(random, type, 2, 3, 600000);
    p.round(kernels());
    for (const Kernels* table : all_integer_tables())
      EXPECT_TRUE(same(p.run_in_pieces(*table, random), p.run(*table))) << table->name;
  }
}

const QuantizedSection& section(const StoredProblem& p, int row, int i) {
  const uint8_t* bytes = p.quantized[0].data() + size_t(row) * p.quantized_row();
  return reinterpret_cast<const QuantizedSection*>(bytes)[i];
}
float quantized_number(const StoredProblem& p, int row, int k) {
  const QuantizedSection& s = section(p, row, k / kSection);
  return float(s.words[k % kSection]) * s.scale;
}

// The bytes and the sums say the same as the words.
TEST(QuantizedActivations, HasItsNumbersInEveryForm) {
  Random random(51, 0);
  for (const Kernels* table : all_integer_tables()) {
    StoredProblem p(random, WeightType::q8_0, 3, 1, 800);
    p.round(*table);
    for (int m = 0; m < p.rows; ++m)
      for (int k = 0; k < 1024; ++k) {
        const QuantizedSection& s = section(p, m, k / kSection);
        const int at = k % kSection;
        ASSERT_EQ(s.words[at], 128 * s.high[at] + s.low[at]);
        ASSERT_LE(std::max(std::abs(s.high[at]), std::abs(s.low[at])), 64);
        ASSERT_TRUE(k < p.inner || s.words[at] == 0);
        int sum = 0;
        for (int i = 0; i < 16; ++i) sum += s.words[at / 16 * 16 + i];
        ASSERT_EQ(128 * s.sums_high[at / 16] + s.sums_low[at / 16], sum);
      }
  }
}

TEST(QuantizedActivations, IsWithinHalfAStepOfTheNumbers) {
  Random random(44, 0);
  for (WeightType type : {WeightType::q8_0, WeightType::q4_k})
    for (const Kernels* table : all_integer_tables()) {
      StoredProblem p(random, type, 3, 1, 1500);
      for (size_t i = 0; i < p.left_row(); ++i) p.left[i] *= i < 512 ? 0 : 1e3f;
      p.round(*table);
      for (int m = 0; m < p.rows; ++m)
        for (int begin = 0; begin < p.inner; begin += 256) {
          const int count = std::min(256, p.inner - begin);
          const float* x = p.left.data() + size_t(m) * p.left_row() + begin;
          float most = 0;
          for (int k = 0; k < count; ++k) most = std::max(most, std::fabs(x[k]));
          // Half a step, and four roundings: of the scale, its inverse, x times it and the number.
          const float bound = 0.5f * most / kLargestInteger + 4 * 0x1p-24f * most;
          for (int k = 0; k < count; ++k)
            ASSERT_LE(std::fabs(quantized_number(p, m, begin + k) - x[k]), bound);
        }
    }
}

TEST(QuantizedActivations, IsTheSameOnEveryTable) {
  Random random(45, 0);
  for (WeightType type : {WeightType::q8_0, WeightType::q4_k})
    for (const Kernels* table : fast_integer_tables()) {
      StoredProblem p(random, type, 20, 1, 1500);
      const Floats left = awkward(random, p.left.size());
      std::memcpy(p.left.data(), left.data(), left.size() * sizeof(float));
      p.round(*scalar_kernels());
      const Stored expected = p.quantized[0];
      p.quantized.clear();
      p.round(*table);
      for (size_t m = 0; m < size_t(p.rows); ++m) {
        const size_t at = m * p.quantized_row();
        ASSERT_EQ(std::memcmp(expected.data() + at, p.quantized[0].data() + at, p.quantized_row()),
                  0);
      }
    }
}

// One part in 2^19 of the sizes that are added: there are up to 100 roundings of 2^-24 at sizes of
// a few times the largest weight (a step's and a minimum's).
TEST(IntegerGemm, IsNearTheProductOfTheQuantizedNumbers) {
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
            sum += double(quantized_number(p, m, k)) * double(w[size_t(k)]);
            size += std::fabs(double(quantized_number(p, m, k)) * double(most));
          }
          EXPECT_NEAR(out[size_t(m) * p.out_row() + size_t(n)], sum, 0x1p-19 * size) << p.name();
        }
      }
    }
}

// The largest sums: every code, every scale and every integer of the activation row at its limit
// and of one sign. A sum beyond 2^31 would show as another sign.
TEST(IntegerGemm, F42TheLargestIntegersDoNotOverflow) {
  Random random(48, 0);
  for (WeightType type : quantized_types())
    for (uint8_t byte : {uint8_t(0x00), uint8_t(0x7f), uint8_t(0x80), uint8_t(0xff)})
      for (int rows : {1, 5, 17})
        for (const Kernels* table : all_integer_tables()) {
          StoredProblem p(random, type, rows, 3, 512);
          p.accumulate = p.gathers = false;
          std::memset(p.weights.data(), byte, p.weights.size());
          const Halves halves = halves_of(type);
          const size_t block = size_t(type_traits(type).block_bytes);
          const uint16_t one = f32_to_f16(1);
          for (size_t b = 0; b < p.weights.size(); b += block)
            for (int at : {halves.first, halves.second})
              if (at != kNoHalf) std::memcpy(p.weights.data() + b + at, &one, sizeof one);
          for (size_t i = 0; i < p.left.size(); ++i) p.left[i] = 3;
          p.round(*table);
          const Floats out = p.run(*table);
          std::vector<float> w(size_t(p.inner));
          dequantize_row(type, p.weights.data(), nullptr, w.data(), w.size());
          double sum = 0, size = 0;
          for (float x : w) sum += 3. * double(x), size += 3. * std::fabs(double(x));
          EXPECT_NEAR(out[0], sum, 1e-5 * size) << table->name << " " << p.name() << int(byte);
        }
}

// What rounding costs, beside the sizes that are added: half of 1/8191 of the largest of 256
// numbers each, which are independent. With eight bits it would be 64 times as much.
TEST(IntegerGemm, F42IsWithinAThreeThousandthOfTheExactProduct) {
  Random random(49, 0);
  for (WeightType type : quantized_types()) {
    StoredProblem p(random, type, 4, 8, 2048);
    p.accumulate = p.gathers = false;
    const Floats exact = p.run(kernels());
    p.round(kernels());
    const Floats quantized = p.run(kernels());
    double difference = 0, size = 0;
    for (size_t i = 0; i < size_t(p.rows); ++i)
      for (size_t n = 0; n < size_t(p.cols); ++n) {
        const double x = double(exact[i * p.out_row() + n]);
        const double d = double(quantized[i * p.out_row() + n]) - x;
        difference += d * d, size += x * x;
      }
    EXPECT_LT(std::sqrt(difference / size), 3e-4) << p.name();
    EXPECT_GT(std::sqrt(difference / size), 1e-5) << p.name();  // it is quantized
  }
}

TEST(IntegerGemm, ANumberThatIsNotFiniteMakesItsRowNaN) {
  Random random(47, 0);
  for (WeightType type : quantized_types())
    for (float wrong : {NAN, INFINITY, -INFINITY})
      for (const Kernels* table : all_integer_tables()) {
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
