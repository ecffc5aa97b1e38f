// The rows of earlier tokens, kept for later sequences: which pages of the cache are in the prefix
// tree, who uses them, and which go to and come from the disk. The engine's thread calls it.
//
// A running sequence has a place: the tree's page that holds its last whole page of rows (its
// owner's root before the first). Its whole pages enter the tree as they fill, so others share them
// while it runs; its last, partial page enters when it leaves.
//
// With compressed attention a text is continued only where the tree has the recent pieces before
// (kv_cache.h). They are large, so the tree keeps those at *marks*, where sequences ended and every
// 1,024 positions, and a trail of the others, an eighth of the cache at most; the oldest go first.
#pragma once
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "base/thread_pool.h"
#include "engine/kv_cache.h"
#include "engine/prefix_store.h"
#include "engine/prefix_tree.h"

namespace weir {

// Rows that a sequence of the cache holds: their tokens, and their experts where these are
// recorded.
struct CachedRows {
  std::vector<int> cached;
  bool records = false;           // `experts` has those of all tokens
  std::vector<uint16_t> experts;  // [cached][row size of a RoutingTrace]
  void resize(size_t count, size_t row_size) {
    cached.resize(count);
    experts.resize(records ? count * row_size : 0);
  }
};

class PrefixCache {
 public:
  // The cache outlives it. `row_size`: of a row of a RoutingTrace.
  PrefixCache(const ModelConfig& config, KvCache& cache, size_t row_size);
  ~PrefixCache();  // writes what shall be stored

  // From now on, pages go to and come from a folder. `model`: model_key().
  Result<void> open_store(const PrefixStoreOptions& options, const std::string& model);
  bool has_store() const { return store_ != nullptr; }

  // What a sequence may continue.
  PrefixTree::Match find(const std::string& owner, std::span<const int> tokens,
                         bool needs_experts) const;
  PrefixTree::Node* root(const std::string& owner) const { return tree_.root(owner); }

  // An empty sequence of the cache begins with whole pages that were found. `rows` gets their
  // tokens; its `records` is set before. Returns the place.
  PrefixTree::Node& begin(int sequence, const std::string& owner,
                          std::span<PrefixTree::Node* const> pages, CachedRows& rows);
  // Copies the first rows of a page into the next, reserved page of the sequence. The page is in
  // the tree, or another sequence's, whose rows it holds from row `begin` on.
  void copy(const PrefixTree::Node& from, int count, int sequence, CachedRows& rows);
  void copy(int page, int recent, const CachedRows& from, size_t begin, int count, int sequence,
            CachedRows& rows);
  // Adds the whole pages of a sequence that are not in the tree yet; returns the place.
  PrefixTree::Node& extend(int sequence, PrefixTree::Node& place, CachedRows& rows);
  // The sequence gives up its pages; they stay in the tree while nobody needs the memory. `stores`:
  // the whole ones go to the disk.
  void leave(int sequence, PrefixTree::Node& place, CachedRows& rows, bool stores);
  // The same, but pages that nobody else uses are forgotten.
  void abandon(int sequence, PrefixTree::Node& place);

  // Pages of `tokens` after the place that are on disk.
  int stored_after(PrefixTree::Node* place, const std::string& owner,
                   std::span<const int> tokens) const;
  // Reads up to `pages` of them into the reserved pages of the sequence, and extends `rows` by what
  // was read: less where a file is damaged.
  PrefixTree::Node& load(int sequence, PrefixTree::Node& place, std::span<const int> tokens,
                         int pages, CachedRows& rows, ThreadPool& pool);

  // Evicts until so many bytes are free; false, and nothing has changed, where that is impossible.
  bool make_room(int64_t bytes);
  // Keeps a page while room is made.
  void pin(PrefixTree::Node& node) { tree_.pin(node); }
  void unpin(PrefixTree::Node& node) { tree_.unpin(node); }
  // Evicts everything that nobody uses.
  void forget();

 private:
  void append(std::span<const int> tokens, std::span<const uint16_t> experts, int count,
              CachedRows& rows) const;
  void copy_page(int page, int recent, int count, int sequence, const CachedRows& rows);
  // prefix_recents.cpp: the recent pieces of pages of the tree.
  bool is_continued_after(const PrefixTree::Match& match) const;
  void trim(PrefixTree::Match& match) const;
  void keep_recent(PrefixTree::Node& node, int recent);
  void drop_recent(PrefixTree::Node& node);
  void use_recent(PrefixTree::Node& node, bool is_mark);
  void mark_end(PrefixTree::Node& place);
  bool drop_oldest_recent(bool marks);
  int64_t evictable_bytes() const;
  std::vector<uint16_t> experts_of(const CachedRows& rows, size_t begin, size_t count) const;
  void add_partial(int sequence, PrefixTree::Node& place, const CachedRows& rows);
  void drop(PrefixTree::Node& node);
  void store_path(PrefixTree::Node& place);
  void release_stored();
  void forget_storing(uint64_t ticket, bool is_written);
  std::vector<PrefixTree::Node*> path_to(PrefixTree::Node& place) const;

  KvCache& cache_;
  const size_t row_size_;
  const uint64_t work_;  // multiplications by weights for one token
  PrefixTree tree_;
  std::string model_;
  uint64_t tickets_ = 0;
  struct Storing {
    PrefixTree::Node* node;  // pinned
    int recent;              // a user of it; -1: the page is stored
  };
  std::map<uint64_t, Storing> storing_;
  std::map<uint64_t, PrefixTree::Node*> trail_, marks_;  // pages with recent pieces, by last use
  uint64_t recent_uses_ = 0;
  std::unique_ptr<PrefixStore> store_;
};

}  // namespace weir
