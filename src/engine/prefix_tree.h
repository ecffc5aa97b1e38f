// Which page of the cache holds the rows of which tokens: a radix tree with one page for an edge,
// one tree for each owner (Zheng et al. 2024, SGLang's RadixAttention, in whole pages). It knows
// tokens and page numbers; prefix_cache.h moves the pages.
//
// A page is found by its tokens and all tokens before them, so equal beginnings share pages among
// running and finished sequences. What no running sequence needs is evicted by value (GreedyDual,
// Young 1994): a page is worth the work of computing it again, and that grows with its position,
// because attention reads all rows before. Each use adds the clock, which is the value of the page
// evicted last, so an unused page loses against all that are used later. A page is evicted before
// the page it continues: without that one nobody would find it.
#pragma once
#include <cstdint>
#include <map>
#include <memory>
#include <set>
#include <span>
#include <string>
#include <vector>

namespace weir {

// How many tokens two texts share from their beginnings on.
int common_beginning(std::span<const int> a, std::span<const int> b);

class PrefixTree {
 public:
  struct Node;
  struct ByTokens {
    using is_transparent = void;
    bool operator()(const std::unique_ptr<Node>& a, const std::unique_ptr<Node>& b) const;
    bool operator()(const std::unique_ptr<Node>& a, std::span<const int> b) const;
    bool operator()(std::span<const int> a, const std::unique_ptr<Node>& b) const;
  };
  using Children = std::set<std::unique_ptr<Node>, ByTokens>;  // in lexicographic order

  // A page. A root stands for the beginning of a text and has neither page nor tokens.
  struct Node {
    Node* parent = nullptr;   // null: a root
    std::vector<int> tokens;  // of its rows: 32, or fewer where a sequence ended (a leaf)
    int page = -1;
    int depth = 0;                  // pages from the root to this one, which counts
    std::vector<uint16_t> experts;  // [tokens][row size] where they were recorded, else empty
    std::string key;                // of prefix_cache.h: the name of its file; "": not computed yet
    bool is_stored = false;         // of prefix_cache.h: on disk, or about to be
    // Of prefix_cache.h: its recent piece, -1: none; when it was used; whether a text may often be
    // continued after it; whether it is on disk, or about to be.
    int recent = -1;
    uint64_t recent_used = 0;
    bool is_mark = false, is_recent_stored = false;

   private:
    friend class PrefixTree;
    Children children;
    int pins = 0;  // of this page and those that continue it
    double value = 0;
    uint64_t used = 0;  // when, by counting
    bool is_listed = false;
  };

  // `attention_positions`: the position at which attention costs as much as the weights do.
  explicit PrefixTree(double attention_positions) : attention_positions_(attention_positions) {}
  ~PrefixTree();
  PrefixTree(const PrefixTree&) = delete;
  PrefixTree& operator=(const PrefixTree&) = delete;

  // The longest beginning of `tokens` that is here: whole pages, and the first `partial_tokens`
  // rows of one more. `needs_experts`: only pages whose experts are known.
  struct Match {
    std::vector<Node*> pages = {};
    Node* partial = nullptr;
    int partial_tokens = 0;
  };
  Match find(const std::string& owner, std::span<const int> tokens, bool needs_experts) const;
  // The root of an owner: made if there is none; null if there is none. An unpinned one without
  // pages disappears when it loses its last page or pin.
  Node& make_root(const std::string& owner);
  Node* root(const std::string& owner) const;
  // The page with exactly these tokens after `parent`; null if there is none.
  Node* child(Node& parent, std::span<const int> tokens) const;

  // Adds a page that child() does not find. CHECKs that `parent` is a root or a whole page.
  Node& add(Node& parent, std::span<const int> tokens, int page);
  // A leaf after `parent` whose tokens are a beginning of `tokens`, but not all, and which nobody
  // has pinned: of no more use once these are added. Null if there is none.
  Node* shorter(Node& parent, std::span<const int> tokens) const;
  // Whether a page after `parent` begins with these tokens.
  bool is_covered(Node& parent, std::span<const int> tokens) const;

  // While a page is pinned, it and all before it stay.
  void pin(Node& node);
  void unpin(Node& node);  // and marks them as used now
  // Pins the next page of a path whose pages up to its parent are pinned by the same holder.
  void pin_next(Node& node);

  // The page to evict first; null if all are pinned. Then evict() it.
  Node* least_valuable() const { return leaves_.empty() ? nullptr : *leaves_.begin(); }
  void evict(Node& node);
  // Removes a leaf that nobody has pinned.
  void remove(Node& node);
  bool is_removable(const Node& node) const { return node.is_listed; }

  size_t size() const { return size_; }  // pages
  size_t evictable() const { return size_ - pinned_; }

 private:
  struct ByValue {
    bool operator()(const Node* a, const Node* b) const {
      return a->value != b->value ? a->value < b->value : a->used < b->used;
    }
  };
  void use(Node& node);
  void update_list(Node& node);
  void remove_root_if_empty(Node& node);

  double attention_positions_;
  std::map<std::string, std::unique_ptr<Node>> roots_;
  std::set<Node*, ByValue> leaves_;  // without pins
  size_t size_ = 0, pinned_ = 0;     // without roots
  double clock_ = 0;
  uint64_t uses_ = 0;
};

}  // namespace weir
