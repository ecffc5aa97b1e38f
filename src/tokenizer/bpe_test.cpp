#include "tokenizer/bpe.h"

#include <gtest/gtest.h>

#include "base/random.h"

namespace weir {
namespace {

// The definition: find the lowest rank, leftmost, merge, start again.
std::vector<int> merge_slowly(const MergeTable& table, std::vector<int> symbols) {
  for (;;) {
    size_t best = 0;
    MergeTable::Entry found;
    for (size_t i = 0; i + 1 < symbols.size(); ++i) {
      MergeTable::Entry entry = table.find(symbols[i], symbols[i + 1]);
      if (entry.rank < found.rank) found = entry, best = i;
    }
    if (found.rank == MergeTable::kNone) return symbols;
    symbols[best] = found.result;
    symbols.erase(symbols.begin() + long(best) + 1);
  }
}

TEST(Bpe, ShortAndLongPiecesFollowTheDefinition) {
  MergeScratch scratch;
  for (uint64_t seed = 0; seed < 300; ++seed) {
    Random random(seed, 1);
    // Four letters and random merges of whatever there is so far, in random order of rank.
    std::vector<Merge> merges;
    int ids = 4;
    for (int i = 0; i < 60; ++i) {
      merges.push_back({int(random.below(uint64_t(ids))), int(random.below(uint64_t(ids))), ids});
      ++ids;
    }
    for (size_t i = merges.size() - 1; i > 0; --i)
      std::swap(merges[i], merges[random.below(i + 1)]);
    MergeTable table(merges);
    for (size_t n : {1, 2, 3, 10, 47, 48, 49, 50, 200}) {
      std::vector<int> symbols;
      for (size_t i = 0; i < n; ++i) symbols.push_back(int(random.below(4)));
      std::vector<int> expected = merge_slowly(table, symbols);
      symbols.resize(merge_symbols(table, symbols, scratch));
      ASSERT_EQ(symbols, expected) << seed << " " << n;
    }
  }
}

TEST(Bpe, OfEqualPairsTheLastCountsAndAbsentResultsNeverHappen) {
  std::vector<Merge> merges = {{0, 1, 5}, {0, 1, 6}, {2, 3, -1}};
  MergeTable table(merges);
  EXPECT_EQ(table.find(0, 1).rank, 1);
  EXPECT_EQ(table.find(0, 1).result, 6);
  EXPECT_EQ(table.find(2, 3).rank, MergeTable::kNone);
  EXPECT_EQ(MergeTable().find(0, 0).rank, MergeTable::kNone);
}

}  // namespace
}  // namespace weir
