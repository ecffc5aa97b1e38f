#include "engine/prefix_cache.h"

#include <algorithm>
#include <cstring>

#include "base/check.h"
#include "base/sha256.h"

namespace weir {
namespace {

using Node = PrefixTree::Node;

// Where attention multiplies as many numbers for a token as the weights do.
double attention_positions(const ModelConfig& config) {
  const double per_position = double(config.num_hidden_layers) * config.num_attention_heads *
                              (config.key_head_width() + config.value_head_width());
  return std::max(1.0, double(model_size(config).active) / per_position);
}

PageIdentity identity_of(const std::string& model, const std::string& owner,
                         const std::string& parent, std::span<const int> tokens) {
  PageIdentity identity{model, owner, parent, {}};
  std::copy(tokens.begin(), tokens.end(), identity.tokens.begin());
  return identity;
}

PageIdentity identity_of(const std::string& model, const Node& root, const Node& node) {
  return identity_of(model, root.key, node.parent->key, node.tokens);
}

// Of the recent piece of a page, a file of its own.
PageIdentity recent_identity(PageIdentity of_page) {
  of_page.model = sha256_hex(of_page.model + " recent");
  return of_page;
}

Node& root_of(Node& node) {
  Node* at = &node;
  while (at->parent) at = at->parent;
  return *at;
}

}  // namespace

PrefixCache::PrefixCache(const ModelConfig& config, KvCache& cache, size_t row_size)
    : cache_(cache),
      row_size_(row_size),
      work_(uint64_t(model_size(config).active)),
      tree_(attention_positions(config)) {}

PrefixCache::~PrefixCache() = default;

Result<void> PrefixCache::open_store(const PrefixStoreOptions& options, const std::string& model) {
  store_ = TRY(PrefixStore::open(options, cache_.page_bytes_most(), work_));
  model_ = model;
  return {};
}

std::vector<uint16_t> PrefixCache::experts_of(const CachedRows& rows, size_t begin,
                                              size_t count) const {
  if (!rows.records) return {};
  const auto first = rows.experts.begin() + std::ptrdiff_t(begin * row_size_);
  return {first, first + std::ptrdiff_t(count * row_size_)};
}

// The first `count` tokens, and their experts where these are recorded.
void PrefixCache::append(std::span<const int> tokens, std::span<const uint16_t> experts, int count,
                         CachedRows& rows) const {
  rows.cached.insert(rows.cached.end(), tokens.begin(), tokens.begin() + count);
  if (!rows.records) return;
  const size_t numbers = size_t(count) * row_size_;
  CHECK_LE(numbers, experts.size());
  rows.experts.insert(rows.experts.end(), experts.begin(),
                      experts.begin() + std::ptrdiff_t(numbers));
}

Node& PrefixCache::begin(int sequence, const std::string& owner, std::span<Node* const> pages,
                         CachedRows& rows) {
  Node& root = tree_.make_root(owner);
  if (root.key.empty()) root.key = sha256_hex(owner);
  Node& place = pages.empty() ? root : *pages.back();
  tree_.pin(place);
  std::vector<int> numbers, recents;
  rows.cached.clear();
  rows.experts.clear();
  const int first = cache_.first_recent_page(int(pages.size()) * kCachePage);
  for (Node* page : pages) {
    numbers.push_back(page->page);
    recents.push_back(page->depth > first ? page->recent : -1);
    if (recents.back() >= 0) use_recent(*page, page->is_mark);
    append(page->tokens, page->experts, kCachePage, rows);
  }
  cache_.adopt(sequence, numbers, recents);
  return place;
}

void PrefixCache::copy_page(int page, int recent, int count, int sequence, const CachedRows& rows) {
  const int begin = int(rows.cached.size()), at = begin / kCachePage;
  std::ranges::copy(cache_.page_data(page), cache_.page_data(cache_.page(sequence, at)).begin());
  if (recent < 0) return;
  cache_.open_rows(sequence, begin, begin + count);
  std::ranges::copy(cache_.page_data(recent),
                    cache_.page_data(cache_.recent(sequence, at)).begin());
}

void PrefixCache::copy(const Node& from, int count, int sequence, CachedRows& rows) {
  copy_page(from.page, from.recent, count, sequence, rows);
  append(from.tokens, from.experts, count, rows);
}

void PrefixCache::copy(int page, int recent, const CachedRows& from, size_t begin, int count,
                       int sequence, CachedRows& rows) {
  copy_page(page, recent, count, sequence, rows);
  std::span<const uint16_t> experts = from.experts;
  if (rows.records) experts = experts.subspan(begin * row_size_);
  append(std::span<const int>(from.cached).subspan(begin), experts, count, rows);
}

Node& PrefixCache::extend(int sequence, Node& place, CachedRows& rows) {
  Node* at = &place;
  for (;;) {
    const int begin = at->depth * kCachePage;
    if (int(rows.cached.size()) < begin + kCachePage) return *at;
    const auto tokens = std::span<const int>(rows.cached).subspan(size_t(begin), kCachePage);
    const int page = cache_.page(sequence, at->depth);
    Node* next = tree_.child(*at, tokens);
    if (!next) {
      cache_.share_page(page);
      if (Node* shorter = tree_.shorter(*at, tokens)) drop(*shorter);
      next = &tree_.add(*at, tokens, page);
    } else if (next->page != page) {
      // Another sequence has computed the same rows: one of the two pages is enough.
      cache_.exchange(sequence, at->depth, next->page);
    }
    if (next->experts.empty()) next->experts = experts_of(rows, size_t(begin), kCachePage);
    keep_recent(*next, cache_.recent(sequence, at->depth));
    tree_.pin_next(*next);
    at = next;
  }
}

// Of rows beyond the last whole page.
void PrefixCache::add_partial(int sequence, Node& place, const CachedRows& rows) {
  const size_t begin = size_t(place.depth) * kCachePage;
  if (rows.cached.size() == begin) return;
  const auto tokens = std::span<const int>(rows.cached).subspan(begin);
  std::vector<uint16_t> experts = experts_of(rows, begin, tokens.size());
  const int recent = cache_.recent(sequence, place.depth);
  if (Node* same = tree_.child(place, tokens)) {
    if (same->experts.empty()) same->experts = std::move(experts);
    keep_recent(*same, recent);
    return;
  }
  if (experts.empty() && tree_.is_covered(place, tokens)) return;
  const int page = cache_.page(sequence, place.depth);
  cache_.share_page(page);
  if (Node* shorter = tree_.shorter(place, tokens)) drop(*shorter);
  Node& added = tree_.add(place, tokens, page);
  added.experts = std::move(experts);
  keep_recent(added, recent);
  if (added.recent >= 0) use_recent(added, true);
}

void PrefixCache::leave(int sequence, Node& place, CachedRows& rows, bool stores) {
  Node& end = extend(sequence, place, rows);
  mark_end(end);
  add_partial(sequence, end, rows);
  if (stores && store_) store_path(end);
  tree_.unpin(end);
  cache_.release(sequence);
}

void PrefixCache::abandon(int sequence, Node& place) {
  Node& root = root_of(place);
  tree_.pin(root);  // else it disappears with its last page
  tree_.unpin(place);
  cache_.release(sequence);
  for (Node *at = &place, *parent; tree_.is_removable(*at); at = parent) {
    parent = at->parent;
    drop(*at);
  }
  tree_.unpin(root);
}

void PrefixCache::drop(Node& node) {
  const int page = node.page;
  drop_recent(node);
  tree_.remove(node);
  cache_.drop_page(page);
}

bool PrefixCache::make_room(int64_t bytes) {
  release_stored();
  const auto is_possible = [&] { return cache_.bytes_free() + evictable_bytes() >= bytes; };
  if (cache_.bytes_free() >= bytes) return true;
  if (!is_possible() && !storing_.empty()) {
    for (uint64_t ticket : store_->withdraw()) forget_storing(ticket, false);
    release_stored();
  }
  if (!is_possible()) return false;
  while (cache_.bytes_free() < bytes) {
    if (drop_oldest_recent(false)) continue;
    Node* node = tree_.least_valuable();
    if (!node) {
      CHECK(drop_oldest_recent(true));
      continue;
    }
    const int page = node->page;
    drop_recent(*node);
    tree_.evict(*node);
    cache_.drop_page(page);
  }
  return true;
}

void PrefixCache::forget() {
  while (Node* node = tree_.least_valuable()) drop(*node);
}

// The pages up to `place`, the first of the text first, with their keys.
std::vector<Node*> PrefixCache::path_to(Node& place) const {
  std::vector<Node*> path;
  for (Node* at = &place; at->parent; at = at->parent) path.push_back(at);
  std::reverse(path.begin(), path.end());
  for (Node* node : path)
    if (node->key.empty()) node->key = identity_of(model_, root_of(*path[0]), *node).key();
  return path;
}

void PrefixCache::store_path(Node& place) {
  const Node& root = root_of(place);
  const int64_t now = PrefixStore::now_ns();
  for (Node* node : path_to(place)) {
    if (node->is_stored) continue;
    node->is_stored = true;
    tree_.pin(*node);
    storing_[++tickets_] = {node, -1};
    store_->put(tickets_, identity_of(model_, root, *node),
                PrefixStore::used_ns(now, node->depth - 1), cache_.page_data(node->page));
  }
  for (Node* node : path_to(place)) {
    if (node->recent < 0 || !node->is_mark || node->is_recent_stored) continue;
    node->is_recent_stored = true;
    tree_.pin(*node);
    cache_.share_page(node->recent);
    storing_[++tickets_] = {node, node->recent};
    store_->put(tickets_, recent_identity(identity_of(model_, root, *node)),
                PrefixStore::used_ns(now, node->depth - 1), cache_.page_data(node->recent));
  }
}

void PrefixCache::forget_storing(uint64_t ticket, bool is_written) {
  const auto found = storing_.find(ticket);
  const auto [node, recent] = found->second;
  if (!is_written) (recent >= 0 ? node->is_recent_stored : node->is_stored) = false;
  if (recent >= 0) cache_.drop_page(recent);
  tree_.unpin(*node);
  storing_.erase(found);
}

void PrefixCache::release_stored() {
  if (storing_.empty()) return;
  for (uint64_t ticket : store_->take_done()) forget_storing(ticket, true);
}

// With compressed attention: up to the last place where the recent pieces before are there too, on
// disk or, of pages before, in the tree.
int PrefixCache::stored_after(Node* place, const std::string& owner,
                              std::span<const int> tokens) const {
  const std::string owner_hash = sha256_hex(owner);
  std::string parent = owner_hash;
  if (place && place->parent) parent = path_to(*place).back()->key;
  const int depth = place ? place->depth : 0;
  std::vector<uint8_t> has_recent;
  int pages = 0, continued = 0;
  for (; tokens.size() >= size_t(kCachePage); tokens = tokens.subspan(kCachePage)) {
    const PageIdentity next = identity_of(model_, owner_hash, parent, tokens.first(kCachePage));
    if (!store_->has(next)) break;
    parent = next.key();
    ++pages;
    if (!cache_.has_recents()) continue;
    has_recent.push_back(store_->has(recent_identity(next)));
    const int first = std::max(0, cache_.first_recent_page((depth + pages) * kCachePage) - depth);
    if (std::find(has_recent.begin() + first, has_recent.end(), 0) == has_recent.end())
      continued = pages;
  }
  return cache_.has_recents() ? continued : pages;
}

// Of `pages` that stored_after() found, the recent pieces of the last are read too.
Node& PrefixCache::load(int sequence, Node& place, std::span<const int> tokens, int pages,
                        CachedRows& rows, ThreadPool& pool) {
  std::vector<PageIdentity> wanted;
  const Node& root = root_of(place);
  std::string parent = place.parent ? path_to(place).back()->key : root.key;
  for (int i = 0; i < pages; ++i) {
    const auto of_page = tokens.subspan(size_t(i) * kCachePage, kCachePage);
    wanted.push_back(identity_of(model_, root.key, parent, of_page));
    parent = wanted.back().key();
  }
  const int depth = place.depth, end_depth = depth + pages;
  const int first = std::max(depth, cache_.first_recent_page(end_depth * kCachePage));
  cache_.open_rows(sequence, first * kCachePage, end_depth * kCachePage);
  std::vector<uint8_t> is_read(wanted.size());
  pool.parallel_for(pages, [&](int i, int) {
    const PageIdentity& identity = wanted[size_t(i)];
    const int at = depth + i;
    is_read[size_t(i)] = store_->load(identity, cache_.page_data(cache_.page(sequence, at)));
    if (is_read[size_t(i)] && cache_.has_recents() && at >= first)
      is_read[size_t(i)] =
          store_->load(recent_identity(identity), cache_.page_data(cache_.recent(sequence, at)));
  });
  auto good = std::find(is_read.begin(), is_read.end(), 0) - is_read.begin();
  // Nothing can be continued in the middle.
  if (cache_.has_recents() && good < pages) good = 0;
  const auto read = tokens.first(size_t(good) * kCachePage);
  rows.cached.insert(rows.cached.end(), read.begin(), read.end());
  Node& end = extend(sequence, place, rows);
  const int64_t now = PrefixStore::now_ns();
  for (Node* node : path_to(end)) {
    node->is_stored |= node->depth > end.depth - int(good);
    node->is_recent_stored |= node->is_stored && node->depth > first && node->recent >= 0;
    if (node->is_stored)
      store_->touch(identity_of(model_, root, *node), PrefixStore::used_ns(now, node->depth - 1));
    if (node->is_recent_stored)
      store_->touch(recent_identity(identity_of(model_, root, *node)),
                    PrefixStore::used_ns(now, node->depth - 1));
  }
  return end;
}

}  // namespace weir
