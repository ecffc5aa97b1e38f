#include "base/random.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <set>
#include <vector>

namespace weir {
namespace {

TEST(Random, IsAFunctionOfSeedStreamAndCounter) {
  Random a(1, 2);
  std::vector<uint64_t> values;
  for (int i = 0; i < 10; ++i) values.push_back(a.next());
  EXPECT_EQ(a.counter(), 10u);
  Random resumed(1, 2, 4);
  for (size_t i = 4; i < 10; ++i) EXPECT_EQ(resumed.next(), values[i]);
}

// Recorded: a change here changes every trained model and every sampled text.
TEST(Random, GivesTheRecordedValues) {
  Random random(42, 7);
  std::vector<uint64_t> values = {random.next(), random.next(), random.next()};
  EXPECT_EQ(values,
            (std::vector<uint64_t>{0xb30d9ed578878ecau, 0x309f007dad80f985u, 0x0285efecfc1c65cau}));
}

TEST(Random, SeedsAndStreamsAreApart) {
  std::set<uint64_t> seen;
  for (uint64_t seed = 0; seed < 100; ++seed)
    for (uint64_t stream = 0; stream < 100; ++stream) seen.insert(Random(seed, stream).next());
  EXPECT_EQ(seen.size(), 10'000u);
}

TEST(Random, UniformCoversTheHalfOpenInterval) {
  Random random(3, 0);
  constexpr int kCount = 1'000'000;
  std::vector<int> buckets(10);
  double sum = 0;
  for (int i = 0; i < kCount; ++i) {
    float u = random.uniform();
    ASSERT_GE(u, 0.0f);
    ASSERT_LT(u, 1.0f);
    ++buckets[size_t(u * 10)];
    sum += u;
  }
  // Standard deviations: of the mean 1/sqrt(12 n) = 2.9e-4, of a bucket sqrt(0.09 n) = 300. The
  // seed is fixed, so five of them are no matter of luck.
  EXPECT_NEAR(sum / kCount, 0.5, 5 * 2.9e-4);
  for (int count : buckets) EXPECT_NEAR(count, kCount / 10, 5 * 300);
}

TEST(Random, BelowIsUnbiasedAndWithinTheBound) {
  Random random(4, 0);
  constexpr int kCount = 700'000;
  std::vector<int> buckets(7);
  for (int i = 0; i < kCount; ++i) {
    uint64_t v = random.below(7);
    ASSERT_LT(v, 7u);
    ++buckets[v];
  }
  for (int count : buckets) EXPECT_NEAR(count, kCount / 7, 5 * 293);  // sqrt(n 6/49)
  for (int i = 0; i < 100; ++i) EXPECT_EQ(random.below(1), 0u);
  // Two thirds of the 64-bit numbers: where a plain remainder would be most biased.
  const uint64_t bound = UINT64_MAX / 3 * 2;
  int low = 0;
  for (int i = 0; i < 100'000; ++i) low += random.below(bound) < bound / 2;
  EXPECT_NEAR(low, 50'000, 5 * 158);
}

TEST(Random, NormalHasTheMomentsOfTheNormal) {
  Random random(5, 0);
  constexpr int kCount = 1'000'000;
  double sum = 0, squares = 0, fourth = 0;
  for (int i = 0; i < kCount; ++i) {
    double v = random.normal();
    ASSERT_TRUE(std::isfinite(v));
    sum += v;
    squares += v * v;
    fourth += v * v * v * v;
  }
  // Standard deviations 1, sqrt(2) and sqrt(96) over sqrt(n).
  EXPECT_NEAR(sum / kCount, 0, 5e-3);
  EXPECT_NEAR(squares / kCount, 1, 5 * 1.42e-3);
  EXPECT_NEAR(fourth / kCount, 3, 5 * 9.8e-3);
}

}  // namespace
}  // namespace weir
