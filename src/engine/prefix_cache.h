// The rows of earlier tokens, kept for later sequences: which pages of the cache are in the prefix
// tree, who uses them, and which go to and come from the disk. The engine's thread calls it.
//
// A running sequence has a place: the tree's page that holds its last whole page of rows (its
// owner's root before the first). Its whole pages enter the tree as they fill, so others share them
// while it runs; its last, partial page enters when it leaves.
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

  PrefixTree::Match find(const std::string& owner, std::span<const int> tokens,
                         bool needs_experts) const {
    return tree_.find(owner, tokens, needs_experts);
  }
  PrefixTree::Node* root(const std::string& owner) const { return tree_.root(owner); }

  // An empty sequence of the cache begins with whole pages that were found. `rows` gets their
  // tokens; its `records` is set before. Returns the place.
  PrefixTree::Node& begin(int sequence, const std::string& owner,
                          std::span<PrefixTree::Node* const> pages, CachedRows& rows);
  // Copies the first rows of a page into the next, reserved page of the sequence. The page is in
  // the tree, or another sequence's, whose rows it holds from row `begin` on.
  void copy(const PrefixTree::Node& from, int count, int sequence, CachedRows& rows);
  void copy(int page, const CachedRows& from, size_t begin, int count, int sequence,
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

  // Evicts until `pages` are free; false, and nothing has changed, where that is impossible.
  bool make_room(int64_t pages);
  // Keeps a page while room is made.
  void pin(PrefixTree::Node& node) { tree_.pin(node); }
  void unpin(PrefixTree::Node& node) { tree_.unpin(node); }
  // Evicts everything that nobody uses.
  void forget();

 private:
  void append(std::span<const int> tokens, std::span<const uint16_t> experts, int count,
              CachedRows& rows) const;
  void copy_page(int page, int sequence, const CachedRows& rows);
  std::vector<uint16_t> experts_of(const CachedRows& rows, size_t begin, size_t count) const;
  void add_partial(int sequence, PrefixTree::Node& place, const CachedRows& rows);
  void drop(PrefixTree::Node& node);
  void store_path(PrefixTree::Node& place);
  void release_stored();
  std::vector<PrefixTree::Node*> path_to(PrefixTree::Node& place) const;

  KvCache& cache_;
  const size_t row_size_;
  const uint64_t work_;  // multiplications by weights for one token
  PrefixTree tree_;
  std::string model_;
  uint64_t tickets_ = 0;
  std::map<uint64_t, PrefixTree::Node*> storing_;  // pinned
  std::unique_ptr<PrefixStore> store_;
};

}  // namespace weir
