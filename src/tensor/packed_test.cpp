// Packed copies follow their source when they are told to, and only then.
#include "tensor/packed.h"

#include <gtest/gtest.h>

#include <vector>

#include "base/thread_pool.h"

namespace weir {
namespace {

constexpr int kOutputs = 70, kInputs = 37, kGroups = 2;

struct PackedTest : ::testing::Test {
  std::vector<float> values;
  Parameter parameter;
  Matrix matrix;
  ThreadPool pool{2};

  PackedTest() : values(size_t(kGroups) * kOutputs * kInputs) {
    for (size_t i = 0; i < values.size(); ++i) values[i] = float(i);
    parameter.rows = kGroups * kOutputs, parameter.cols = kInputs, parameter.groups = kGroups;
    parameter.data = values.data();
    matrix = Matrix::of(parameter);
  }
  float value(int group, int output, int input) const {
    return values[size_t((group * kOutputs + output) * kInputs + input)];
  }
};

TEST_F(PackedTest, HoldsEveryGroupInBothOrders) {
  Packed packed(matrix, true);
  packed.pack(pool);
  for (int g = 0; g < kGroups; ++g)
    for (int n = 0; n < kOutputs; ++n)
      for (int k = 0; k < kInputs; ++k) {
        const float* forward = packed.forward(g) + n / kPanel * kInputs * kPanel;
        const float* backward = packed.backward(g) + k / kPanel * kOutputs * kPanel;
        ASSERT_EQ(forward[k * kPanel + n % kPanel], value(g, n, k));
        ASSERT_EQ(backward[n * kPanel + k % kPanel], value(g, n, k));
      }
}

TEST_F(PackedTest, IsCopiedAgainOnlyAfterAChange) {
  Packed packed(matrix, false);
  packed.pack(pool);
  values[0] = 5;
  packed.pack(pool);
  EXPECT_EQ(packed.forward(0)[0], 0);
  packed.source_changed();
  packed.pack(pool);
  EXPECT_EQ(packed.forward(0)[0], 5);
}

TEST_F(PackedTest, ACopyThatIsOutOfDateIsNotRead) {
  ::testing::FLAGS_gtest_death_test_style = "threadsafe";
  Packed packed(matrix, false);
  EXPECT_DEATH(packed.forward(0), "is_fresh_");
  packed.pack(pool);
  EXPECT_DEATH(packed.backward(0), "has_backward_");
  packed.source_changed();
  EXPECT_DEATH(packed.forward(0), "is_fresh_");
}

}  // namespace
}  // namespace weir
