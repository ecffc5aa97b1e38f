#include "engine/row_shares.h"

#include <gtest/gtest.h>

#include <numeric>

#include "base/random.h"

namespace weir {
namespace {

std::vector<int> share(std::vector<PromptRows> prompts, std::vector<int64_t> served, int budget) {
  share_rows(prompts, served, budget);
  std::vector<int> rows;
  for (const PromptRows& prompt : prompts) rows.push_back(prompt.rows);
  return rows;
}

TEST(RowShares, AShortPromptDoesNotWaitForALongOne) {
  EXPECT_EQ(share({{0, 4000}, {0, 50}}, {0}, 256), (std::vector<int>{206, 50}));
  EXPECT_EQ(share({{0, 4000}, {0, 50}}, {0}, 40), (std::vector<int>{10, 30}));
  EXPECT_EQ(share({{0, 4000}, {0, 90}, {0, 30}}, {0}, 80), (std::vector<int>{20, 30, 30}));
}

TEST(RowShares, OwnersGetEqualPartsWhateverTheyAskFor) {
  // One prompt of owner 1 among many of owner 0.
  EXPECT_EQ(share({{0, 500}, {0, 500}, {0, 500}, {1, 500}}, {0, 0}, 100),
            (std::vector<int>{50, 0, 0, 50}));
  // What one does not need goes to the others.
  EXPECT_EQ(share({{0, 500}, {1, 10}, {2, 500}}, {0, 0, 0}, 100), (std::vector<int>{45, 10, 45}));
  EXPECT_EQ(share({{0, 5}, {1, 10}}, {0, 0}, 100), (std::vector<int>{5, 10}));
}

TEST(RowShares, WhoGotTheFewestComesFirst) {
  std::vector<int64_t> served = {9, 3, 5};
  std::vector<PromptRows> prompts = {{0, 50}, {1, 50}, {2, 50}};
  share_rows(prompts, served, 2);
  EXPECT_EQ(served, (std::vector<int64_t>{9, 4, 6}));
  for (int i = 0; i < 5; ++i) share_rows(prompts, served, 2);
  share_rows(prompts, served, 2);
  EXPECT_EQ(served, (std::vector<int64_t>{11, 10, 10}));
}

// While short prompts keep coming, a long one ends.
TEST(RowShares, TheOldestNeverStarves) {
  int left = 4000, passes = 0;
  std::vector<int64_t> served = {0};
  while (left > 0) {
    std::vector<PromptRows> prompts = {{0, left}, {0, 60}, {0, 60}};
    share_rows(prompts, served, 64);
    left -= prompts[0].rows;
    ASSERT_LE(++passes, 250);  // a quarter of 64 each
  }
}

TEST(RowShares, GivesTheBudgetOrWhatIsLeft) {
  for (uint64_t seed = 0; seed < 500; ++seed) {
    Random random(seed, 3);
    const auto below = [&](int n) { return int(random.below(uint64_t(n))); };
    std::vector<int64_t> served(size_t(1 + below(5)));
    for (int64_t& rows : served) rows = below(100);
    const int64_t before = std::accumulate(served.begin(), served.end(), int64_t(0));
    std::vector<PromptRows> prompts(size_t(below(12)));
    int left = 0;
    for (PromptRows& prompt : prompts) {
      prompt = {below(int(served.size())), 1 + below(100), 77};
      left += prompt.left;
    }
    const int budget = below(300);
    share_rows(prompts, served, budget);
    int given = 0;
    for (const PromptRows& prompt : prompts) {
      EXPECT_TRUE(prompt.rows >= 0 && prompt.rows <= prompt.left);
      given += prompt.rows;
    }
    EXPECT_EQ(given, std::min(left, budget)) << seed;
    EXPECT_EQ(std::accumulate(served.begin(), served.end(), int64_t(0)) - before, given);
  }
}

}  // namespace
}  // namespace weir
