#include "stages/experience.h"

#include <gtest/gtest.h>

#include <cmath>

#include "base/random.h"

namespace weir {
namespace {

using Indices = std::vector<size_t>;

double variance_of(const std::vector<double>& rewards, const Indices& chosen) {
  double sum = 0, squares = 0;
  for (size_t i : chosen) sum += rewards[i], squares += rewards[i] * rewards[i];
  const double mean = sum / double(chosen.size());
  return squares / double(chosen.size()) - mean * mean;
}

TEST(MostVaried, OfRightAndWrongIsHalfEachWhereThereAreSoMany) {
  EXPECT_EQ(most_varied(std::vector<double>{1, 1, 0, 1, 1, 1, 1, 0}, 4), (Indices{2, 5, 6, 7}));
  EXPECT_EQ(most_varied(std::vector<double>{0, 0, 0, 1, 0, 0}, 4).size(), 4u);
  EXPECT_EQ(most_varied(std::vector<double>{3, 1, 2}, 0), (Indices{0, 1, 2}));
  EXPECT_EQ(most_varied(std::vector<double>{3, 1, 2}, 5), (Indices{0, 1, 2}));
}

// Against every subset.
TEST(MostVaried, NoSubsetVariesMore) {
  for (uint64_t seed = 0; seed < 40; ++seed) {
    Random random(seed, 3);
    std::vector<double> rewards(7);
    for (double& r : rewards) r = std::round(6 * double(random.uniform())) / 4;
    for (size_t count = 2; count <= rewards.size(); ++count) {
      const Indices chosen = most_varied(rewards, count);
      ASSERT_EQ(chosen.size(), count);
      ASSERT_TRUE(std::is_sorted(chosen.begin(), chosen.end()));
      double best = 0;
      for (unsigned set = 0; set < 1u << rewards.size(); ++set) {
        Indices subset;
        for (size_t i = 0; i < rewards.size(); ++i)
          if (set >> i & 1) subset.push_back(i);
        if (subset.size() == count) best = std::max(best, variance_of(rewards, subset));
      }
      EXPECT_NEAR(variance_of(rewards, chosen), best, 1e-12);
    }
  }
}

}  // namespace
}  // namespace weir
