// The recent pieces of pages of the prefix tree: what a text with compressed attention needs of the
// pages before the place where it is continued.
#include <algorithm>

#include "engine/prefix_cache.h"

namespace weir {
namespace {

using Node = PrefixTree::Node;

constexpr int kMarkEvery = 1024;  // positions
constexpr int kTrailShare = 8;    // of the cache, for recent pieces without a mark

}  // namespace

PrefixTree::Match PrefixCache::find(const std::string& owner, std::span<const int> tokens,
                                    bool needs_experts) const {
  PrefixTree::Match match = tree_.find(owner, tokens, needs_experts);
  if (cache_.has_recents()) trim(match);
  return match;
}

// Whether the last pages of the match have what the position after it needs.
bool PrefixCache::is_continued_after(const PrefixTree::Match& match) const {
  const int pages = int(match.pages.size());
  if (match.partial && match.partial->recent < 0) return false;
  const int position = pages * kCachePage + match.partial_tokens;
  for (int p = cache_.first_recent_page(position); p < pages; ++p)
    if (match.pages[size_t(p)]->recent < 0) return false;
  return true;
}

void PrefixCache::trim(PrefixTree::Match& match) const {
  if (is_continued_after(match)) return;
  match.partial = nullptr;
  match.partial_tokens = 0;
  while (!is_continued_after(match)) match.pages.pop_back();
}

// The tree becomes a user of a piece of its page, unless it has one.
void PrefixCache::keep_recent(Node& node, int recent) {
  if (recent < 0 || node.recent >= 0) return;
  cache_.share_page(recent);
  node.recent = recent;
  const int end = node.depth * kCachePage;
  const int next_mark = (end + kMarkEvery - 1) / kMarkEvery * kMarkEvery;
  use_recent(node, cache_.first_recent_page(next_mark) < node.depth);
  while (trail_.size() * cache_.recent_bytes() > cache_.bytes_max() / kTrailShare)
    drop_oldest_recent(false);
}

void PrefixCache::use_recent(Node& node, bool is_mark) {
  (node.is_mark ? marks_ : trail_).erase(node.recent_used);
  node.is_mark = is_mark;
  node.recent_used = ++recent_uses_;
  (is_mark ? marks_ : trail_)[node.recent_used] = &node;
}

void PrefixCache::drop_recent(Node& node) {
  if (node.recent < 0) return;
  (node.is_mark ? marks_ : trail_).erase(node.recent_used);
  cache_.drop_page(node.recent);
  node.recent = -1;
  node.is_mark = false;
}

// A sequence ended, with the last whole page `place`. From the disk, which has no partial pages, it
// is continued after that page, and from the tree after the partial page, which needs no more.
void PrefixCache::mark_end(Node& place) {
  if (!cache_.has_recents()) return;
  const int first = cache_.first_recent_page(place.depth * kCachePage);
  for (Node* at = &place; at->parent && at->depth > first; at = at->parent)
    if (at->recent >= 0) use_recent(*at, true);
}

bool PrefixCache::drop_oldest_recent(bool marks) {
  auto& list = marks ? marks_ : trail_;
  if (list.empty()) return false;
  drop_recent(*list.begin()->second);
  return true;
}

// What make_room() would free if it dropped everything: less than that where running sequences have
// the same pieces.
int64_t PrefixCache::evictable_bytes() const {
  int64_t bytes = int64_t(tree_.evictable()) * int64_t(cache_.page_bytes_least());
  for (const auto* list : {&trail_, &marks_})
    for (const auto& [used, node] : *list)
      if (!cache_.is_shared(node->recent)) bytes += int64_t(cache_.recent_bytes());
  return bytes;
}

}  // namespace weir
