// The tree against lists of tokens: what it finds is the longest beginning of what was added and
// not evicted.
#include "engine/prefix_tree.h"

#include <gtest/gtest.h>

#include <algorithm>

#include "base/random.h"
#include "tensor/cache.h"

namespace weir {
namespace {

using Node = PrefixTree::Node;
using Tokens = std::vector<int>;

// Adds the pages of a text, those that it lacks; returns the last whole one or the root.
Node& add_text(PrefixTree& tree, const std::string& owner, std::span<const int> text, int& page) {
  Node* at = &tree.make_root(owner);
  for (; !text.empty(); text = text.subspan(std::min<size_t>(text.size(), kCachePage))) {
    const auto part = text.first(std::min<size_t>(text.size(), kCachePage));
    if (Node* next = tree.child(*at, part)) {
      at = next;
    } else if (part.size() == kCachePage) {
      at = &tree.add(*at, part, page++);
    } else if (!tree.is_covered(*at, part)) {
      tree.add(*at, part, page++);
    }
  }
  return *at;
}

int found_tokens(const PrefixTree::Match& match) {
  return int(match.pages.size()) * kCachePage + match.partial_tokens;
}

TEST(PrefixTree, FindsTheLongestBeginning) {
  for (uint64_t seed = 0; seed < 30; ++seed) {
    Random random(seed, 5);
    PrefixTree tree(1000);
    std::vector<Tokens> texts;
    int page = 0;
    // Few tokens and long common beginnings, so that texts part within and between pages.
    const auto text = [&] {
      Tokens tokens;
      if (!texts.empty() && random.below(4) > 0) {
        tokens = texts[random.below(texts.size())];
        tokens.resize(random.below(tokens.size() + 1));
      }
      for (uint64_t i = random.below(80); i-- > 0;) tokens.push_back(int(random.below(2)));
      if (tokens.empty()) tokens.push_back(1);
      return tokens;
    };
    for (int i = 0; i < 40; ++i) {
      const Tokens wanted = text();
      size_t longest = 0;
      for (const Tokens& other : texts) {
        const auto ends = std::mismatch(wanted.begin(), wanted.end(), other.begin(), other.end());
        longest = std::max(longest, size_t(ends.first - wanted.begin()));
      }
      const PrefixTree::Match match = tree.find("", wanted, false);
      EXPECT_EQ(found_tokens(match), int(longest)) << seed << " " << i;
      texts.push_back(text());
      add_text(tree, "", texts.back(), page);
    }
    EXPECT_EQ(tree.size(), size_t(page));
    EXPECT_EQ(tree.evictable(), size_t(page));
    for (; Node* node = tree.least_valuable(); --page) tree.evict(*node);
    EXPECT_EQ(page, 0);
    EXPECT_EQ(tree.size(), 0u);
    EXPECT_EQ(tree.root(""), nullptr);  // goes with its last page
  }
}

Tokens counted(int from, int count) {
  Tokens tokens;
  for (int i = 0; i < count; ++i) tokens.push_back(from + i);
  return tokens;
}

TEST(PrefixTree, OwnersShareNothing) {
  PrefixTree tree(1000);
  int page = 0;
  add_text(tree, "a", counted(0, 70), page);
  EXPECT_EQ(found_tokens(tree.find("a", counted(0, 90), false)), 70);
  EXPECT_EQ(found_tokens(tree.find("b", counted(0, 90), false)), 0);
  EXPECT_EQ(found_tokens(tree.find("", counted(0, 90), false)), 0);
}

TEST(PrefixTree, OnlyPagesWithExpertsServeWhoNeedsThem) {
  PrefixTree tree(1000);
  int page = 0;
  Node& last = add_text(tree, "", counted(0, 96), page);
  for (Node* at = last.parent; at->parent; at = at->parent) at->experts = {1};
  EXPECT_EQ(found_tokens(tree.find("", counted(0, 96), false)), 96);
  EXPECT_EQ(found_tokens(tree.find("", counted(0, 96), true)), 64);
}

TEST(PrefixTree, PinnedPagesAndThoseBeforeThemStay) {
  PrefixTree tree(1000);
  int page = 0;
  Node& kept = add_text(tree, "", counted(0, 64), page);
  add_text(tree, "", counted(0, 128), page);
  tree.pin(kept);
  EXPECT_EQ(tree.evictable(), 2u);
  while (Node* node = tree.least_valuable()) tree.evict(*node);
  EXPECT_EQ(tree.size(), 2u);
  EXPECT_EQ(found_tokens(tree.find("", counted(0, 128), false)), 64);
  // The next page of a running sequence.
  Node& next = tree.add(kept, counted(64, 32), page);
  tree.pin_next(next);
  EXPECT_EQ(tree.evictable(), 0u);
  tree.unpin(next);
  EXPECT_EQ(tree.evictable(), 3u);
}

std::vector<int> order_of_eviction(PrefixTree& tree) {
  std::vector<int> pages;
  while (Node* node = tree.least_valuable()) {
    pages.push_back(node->page);
    tree.evict(*node);
  }
  return pages;
}

TEST(PrefixTree, WhatWasUsedLeastRecentlyGoesFirstAndEndsBeforeBeginnings) {
  PrefixTree tree(1e300);
  int page = 0;
  add_text(tree, "", counted(0, 96), page);                 // pages 0 1 2
  Node& used = add_text(tree, "", counted(500, 64), page);  // pages 3 4
  add_text(tree, "", counted(900, 32), page);               // page 5
  tree.evict(*tree.least_valuable());                       // page 2, so the clock runs
  tree.pin(used);
  tree.unpin(used);
  EXPECT_EQ(order_of_eviction(tree), (std::vector<int>{1, 0, 5, 4, 3}));
}

TEST(PrefixTree, APageIsWorthWhatItsRowsCost) {
  // At position 64 attention costs as much as the weights: page 2 costs twice page 0.
  PrefixTree tree(64);
  int page = 0;
  Node& end = add_text(tree, "", counted(0, 96), page);  // pages 0 1 2
  add_text(tree, "", counted(500, 32), page);            // page 3, used later, but cheaper
  add_text(tree, "", counted(900, 8), page);             // page 4 has a quarter of the rows
  EXPECT_EQ(end.page, 2);
  EXPECT_EQ(order_of_eviction(tree), (std::vector<int>{4, 3, 2, 1, 0}));
}

TEST(PrefixTree, AShorterEndIsFoundWhenItBecomesUseless) {
  PrefixTree tree(1000);
  int page = 0;
  Node& place = add_text(tree, "", counted(0, 32), page);
  Node& shorter = tree.add(place, counted(32, 10), page++);
  EXPECT_TRUE(tree.is_covered(place, counted(32, 9)));
  EXPECT_TRUE(tree.is_covered(place, counted(32, 10)));
  EXPECT_FALSE(tree.is_covered(place, counted(32, 11)));
  EXPECT_EQ(tree.shorter(place, counted(32, 32)), &shorter);
  EXPECT_EQ(tree.shorter(place, counted(32, 10)), nullptr);  // the same
  EXPECT_EQ(tree.shorter(place, counted(33, 32)), nullptr);  // another
  tree.pin(shorter);
  EXPECT_EQ(tree.shorter(place, counted(32, 32)), nullptr);
}

// The destructor does not recurse.
TEST(PrefixTree, HoldsAMillionTokensInARow) {
  PrefixTree tree(1000);
  int page = 0;
  add_text(tree, "", Tokens(size_t(1) << 20, 7), page);
  EXPECT_EQ(tree.size(), size_t(1) << 15);
}

}  // namespace
}  // namespace weir
