// Numbers: the exponential against double over its whole range, bf16 against its definition, and
// which table is chosen.
#include <algorithm>
#include <cstdlib>

#include "testing/kernel_support.h"

namespace weir {
namespace {

// Distance of x from exact in units of the last place of exact.
double ulps(float x, double exact) {
  int exponent;
  std::frexp(exact, &exponent);
  return std::fabs(x - exact) / std::ldexp(1, std::max(exponent - 24, -149));
}

TEST(Exp, ErrorIsBelowTwoUlpOverTheWholeRange) {
  const Kernels& table = kernels();
  double worst = 0;
  std::vector<float> x(4096), y;
  float next = -87.3f;
  while (next < 88.3f) {
    for (float& value : x) {
      value = next;
      next += std::max(std::fabs(next), 1e-3f) * 0x1p-16f;
    }
    y = x;
    table.exp_sum(y.data(), 0, int(y.size()));
    for (size_t i = 0; i < x.size(); ++i)
      if (x[i] < 88.3f) worst = std::max(worst, ulps(y[i], std::exp(double(x[i]))));
  }
  RecordProperty("worst_ulp", std::to_string(worst));
  EXPECT_LT(worst, 1.1);
}

TEST(Exp, LimitsAreExact) {
  for (const Kernels* table : all_tables()) {
    float x[] = {3, 3 - 87.4f, -INFINITY, 3 + 89, INFINITY, NAN, -1e30f, 3 - 87.2f};
    table->exp_sum(x, 3, 8);
    EXPECT_EQ(x[0], 1);
    EXPECT_EQ(x[1], 0);
    EXPECT_EQ(x[2], 0);
    EXPECT_EQ(x[3], INFINITY);
    EXPECT_EQ(x[4], INFINITY);
    EXPECT_TRUE(std::isnan(x[5]));
    EXPECT_EQ(x[6], 0);
    EXPECT_GT(x[7], 0);
  }
}

TEST(Exp, SumIsTheSumOfWhatWasWritten) {
  Random random(21, 0);
  for (const Kernels* table : all_tables())
    for (int n : {1, 5, 16, 33, 100}) {
      Floats x = normals(random, size_t(n));
      float total = table->exp_sum(x.data(), 2, n);
      EXPECT_TRUE(same(total, table->sum(x.data(), n)));
    }
}

TEST(Sigmoid, SaturatesAndIsAccurate) {
  Random random(22, 0);
  for (const Kernels* table : all_tables()) {
    Floats x = normals(random, 1000, 8), y(1000);
    x[0] = 200, x[1] = -200, x[2] = 0, x[3] = INFINITY, x[4] = -INFINITY;
    table->sigmoid(x.data(), y.data(), 1000);
    EXPECT_EQ(y[0], 1);
    EXPECT_EQ(y[1], 0);
    EXPECT_EQ(y[2], 0.5f);
    EXPECT_EQ(y[3], 1);
    EXPECT_EQ(y[4], 0);
    for (size_t i = 5; i < 1000; ++i) EXPECT_LT(ulps(y[i], 1 / (1 + std::exp(-double(x[i])))), 4);
  }
}

uint16_t rounded(float x) {
  if (std::isnan(x)) return uint16_t(bits(x) >> 16 | 0x40);
  // The nearest of the two neighbours in the upper half, the even one when they are equally near.
  uint32_t low = bits(x) & 0xffff0000u, rest = bits(x) & 0xffffu;
  bool up = rest > 0x8000u || (rest == 0x8000u && (low & 0x10000u));
  return uint16_t((low >> 16) + up);
}

TEST(Bf16, RoundsToNearestEvenAndKeepsNan) {
  Random random(23, 0);
  std::vector<float> x = {0,         -0.0f,        1,         INFINITY,  -INFINITY,
                          NAN,       -NAN,         0x1p-149f, 0x1.fep0f, 0x1.01p0f,
                          0x1.03p0f, 0x1.01001p0f, 3.4e38f,   -3.4e38f};
  for (uint32_t payload : {0x7f800001u, 0xff800001u, 0x7fffffffu, 0x7f80ffffu}) {
    float nan;
    std::memcpy(&nan, &payload, sizeof nan);
    x.push_back(nan);
  }
  while (x.size() < 5000) {
    uint32_t any = uint32_t(random.next());
    if (x.size() % 3 == 0) any = (any & 0xffff0000u) | 0x8000u;  // ties
    float f;
    std::memcpy(&f, &any, sizeof f);
    x.push_back(f);
  }
  for (const Kernels* table : all_tables())
    for (size_t n : {size_t(1), size_t(15), size_t(31), x.size()}) {
      Floats in(n), out(n);
      Guarded<uint16_t> half(n);
      std::memcpy(in.data(), x.data(), n * sizeof(float));
      table->f32_to_bf16(in.data(), half.data(), n);
      table->bf16_to_f32(half.data(), out.data(), n);
      for (size_t i = 0; i < n; ++i) {
        ASSERT_EQ(half[i], rounded(in[i])) << table->name << ": " << in[i];
        ASSERT_EQ(bits(out[i]), uint32_t(half[i]) << 16);
      }
    }
}

TEST(Dispatch, ChosenTableIsTheBestOrTheOneAskedFor) {
  const char* wanted = std::getenv("WEIR_KERNELS");
  const Kernels* best = all_tables().back();
  if (!wanted) {
    EXPECT_STREQ(kernels().name, best->name);
    return;
  }
  for (const Kernels* table : all_tables()) {
    if (std::strcmp(table->name, wanted) == 0) {
      EXPECT_STREQ(kernels().name, wanted);
    }
  }
}

}  // namespace
}  // namespace weir
