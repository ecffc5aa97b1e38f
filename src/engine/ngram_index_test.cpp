// The index against a search through all positions.
#include "engine/ngram_index.h"

#include <gtest/gtest.h>

#include "base/random.h"

namespace weir {
namespace {

NgramIndex::Match by_definition(std::span<const int> tokens) {
  const int n = int(tokens.size());
  NgramIndex::Match best;
  for (int next = n - 1; next > 0; --next) {
    int length = 0;
    while (length < next && tokens[size_t(next - 1 - length)] == tokens[size_t(n - 1 - length)])
      ++length;
    if (length >= 2 && length > best.length) best = {next, length};
  }
  return best;
}

TEST(NgramIndex, FindsTheLongestMatchAndTheLatestOfThose) {
  int found = 0;
  for (uint64_t seed = 0; seed < 40; ++seed) {
    Random random(seed, 1);
    const uint64_t symbols = 16 + random.below(20);
    std::vector<int> tokens;
    NgramIndex index;
    for (int i = 0; i < 120; ++i) {
      // Copies of earlier parts, so that there are long matches.
      const size_t copied = random.below(4) == 0 ? random.below(12) : 0;
      const size_t from = tokens.empty() ? 0 : random.below(tokens.size());
      for (size_t k = 0; k < copied && from + k < tokens.size(); ++k)
        tokens.push_back(tokens[from + k]);
      tokens.push_back(int(random.below(symbols)));
      if (random.below(3) == 0) continue;  // several tokens at once
      index.add(tokens);
      const NgramIndex::Match match = index.find(tokens), expected = by_definition(tokens);
      ASSERT_EQ(match.length, expected.length) << seed << " " << i;
      if (match.length == 0) continue;
      ASSERT_EQ(match.next, expected.next) << seed << " " << i;
      ++found;
    }
  }
  EXPECT_GT(found, 300);
}

TEST(NgramIndex, FollowsAMatchAndRepeatsWhatReachesTheEnd) {
  const std::vector<int> tokens = {9, 1, 2, 3, 1, 2, 3, 1, 2};
  NgramIndex index;
  index.add(tokens);
  const auto match = index.find(tokens);
  EXPECT_EQ(match.next, 6);
  EXPECT_EQ(match.length, 5);
  EXPECT_EQ(NgramIndex::follow(tokens, match, 7), (std::vector<int>{3, 1, 2, 3, 1, 2, 3}));
  EXPECT_EQ(NgramIndex::follow(tokens, {1, 2}, 2), (std::vector<int>{1, 2}));
  EXPECT_TRUE(NgramIndex::follow(tokens, {}, 5).empty());
}

TEST(NgramIndex, ShortTextsHaveNoMatch) {
  NgramIndex index;
  std::vector<int> tokens;
  for (int token : {5, 5, 5}) {
    index.add(tokens);
    EXPECT_EQ(index.find(tokens).length, 0);
    tokens.push_back(token);
  }
  index.add(tokens);
  EXPECT_EQ(index.find(tokens).next, 2);
  EXPECT_EQ(index.find(tokens).length, 2);
}

}  // namespace
}  // namespace weir
