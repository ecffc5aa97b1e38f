#include "engine/prefix_tree.h"

#include <algorithm>
#include <iterator>

#include "base/check.h"
#include "tensor/cache.h"

namespace weir {
namespace {

bool is_less(std::span<const int> a, std::span<const int> b) {
  return std::lexicographical_compare(a.begin(), a.end(), b.begin(), b.end());
}

}  // namespace

int common_beginning(std::span<const int> a, std::span<const int> b) {
  return int(std::mismatch(a.begin(), a.end(), b.begin(), b.end()).first - a.begin());
}

bool PrefixTree::ByTokens::operator()(const std::unique_ptr<Node>& a,
                                      const std::unique_ptr<Node>& b) const {
  return is_less(a->tokens, b->tokens);
}
bool PrefixTree::ByTokens::operator()(const std::unique_ptr<Node>& a,
                                      std::span<const int> b) const {
  return is_less(a->tokens, b);
}
bool PrefixTree::ByTokens::operator()(std::span<const int> a,
                                      const std::unique_ptr<Node>& b) const {
  return is_less(a, b->tokens);
}

// Without recursion: a long context is a deep tree.
PrefixTree::~PrefixTree() {
  std::vector<std::unique_ptr<Node>> left;
  for (auto& [owner, root] : roots_) left.push_back(std::move(root));
  while (!left.empty()) {
    const std::unique_ptr<Node> node = std::move(left.back());
    left.pop_back();
    while (!node->children.empty())
      left.push_back(std::move(node->children.extract(node->children.begin()).value()));
  }
}

PrefixTree::Node* PrefixTree::root(const std::string& owner) const {
  const auto found = roots_.find(owner);
  return found == roots_.end() ? nullptr : found->second.get();
}

PrefixTree::Node& PrefixTree::make_root(const std::string& owner) {
  std::unique_ptr<Node>& root = roots_[owner];
  if (!root) root = std::make_unique<Node>();
  return *root;
}

PrefixTree::Node* PrefixTree::child(Node& parent, std::span<const int> tokens) const {
  const auto found = parent.children.find(tokens);
  return found == parent.children.end() ? nullptr : found->get();
}

PrefixTree::Match PrefixTree::find(const std::string& owner, std::span<const int> tokens,
                                   bool needs_experts) const {
  Match match;
  Node* at = root(owner);
  if (!at) return match;
  while (tokens.size() >= size_t(kCachePage)) {
    Node* next = child(*at, tokens.first(kCachePage));
    if (!next || (needs_experts && next->experts.empty())) break;
    match.pages.push_back(at = next);
    tokens = tokens.subspan(kCachePage);
  }
  // In lexicographic order the longest common beginning is that of a neighbour.
  tokens = tokens.first(std::min(tokens.size(), size_t(kCachePage)));
  const auto consider = [&](Node* node) {
    const int common = common_beginning(node->tokens, tokens);
    if (common <= match.partial_tokens || (needs_experts && node->experts.empty())) return;
    match.partial = node;
    match.partial_tokens = common;
  };
  const auto after = at->children.lower_bound(tokens);
  if (after != at->children.end()) consider(after->get());
  if (after != at->children.begin()) consider(std::prev(after)->get());
  return match;
}

PrefixTree::Node& PrefixTree::add(Node& parent, std::span<const int> tokens, int page) {
  CHECK(!tokens.empty() && tokens.size() <= size_t(kCachePage));
  CHECK(!parent.parent || parent.tokens.size() == size_t(kCachePage));
  auto made = std::make_unique<Node>();
  Node& node = *made;
  node.parent = &parent;
  node.tokens.assign(tokens.begin(), tokens.end());
  node.page = page;
  node.depth = parent.depth + 1;
  CHECK(parent.children.insert(std::move(made)).second);
  ++size_;
  use(node);
  update_list(parent);
  update_list(node);
  return node;
}

// As no page here begins with all tokens of another leaf, only the one before can.
PrefixTree::Node* PrefixTree::shorter(Node& parent, std::span<const int> tokens) const {
  const auto after = parent.children.lower_bound(tokens);
  if (after == parent.children.begin()) return nullptr;
  Node* before = std::prev(after)->get();
  const bool is_beginning = before->tokens.size() < tokens.size() &&
                            common_beginning(before->tokens, tokens) == int(before->tokens.size());
  return is_beginning && is_removable(*before) ? before : nullptr;
}

bool PrefixTree::is_covered(Node& parent, std::span<const int> tokens) const {
  const auto after = parent.children.lower_bound(tokens);
  return after != parent.children.end() &&
         common_beginning(tokens, (*after)->tokens) == int(tokens.size());
}

void PrefixTree::pin(Node& node) {
  for (Node* at = &node; at; at = at->parent) pin_next(*at);
}

void PrefixTree::pin_next(Node& node) {
  if (node.pins++ > 0) return;
  pinned_ += node.parent != nullptr;
  update_list(node);
}

// The deepest page first, so that among equal values it is the oldest.
void PrefixTree::unpin(Node& node) {
  for (Node *at = &node, *parent; at; at = parent) {
    parent = at->parent;
    CHECK(at->pins > 0);
    if (parent) use(*at);
    if (--at->pins > 0) continue;
    pinned_ -= parent != nullptr;
    update_list(*at);
    remove_root_if_empty(*at);
  }
}

// The value of a page that is used now: its tokens, weighted by what attention adds at its
// position.
void PrefixTree::use(Node& node) {
  if (node.is_listed) leaves_.erase(&node);
  const double position = double(node.depth - 1) * kCachePage;
  node.value = clock_ + double(node.tokens.size()) * (1 + position / attention_positions_);
  node.used = ++uses_;
  if (node.is_listed) leaves_.insert(&node);
}

void PrefixTree::update_list(Node& node) {
  const bool belongs = node.parent && node.children.empty() && node.pins == 0;
  if (belongs == node.is_listed) return;
  node.is_listed = belongs;
  if (belongs)
    leaves_.insert(&node);
  else
    leaves_.erase(&node);
}

void PrefixTree::evict(Node& node) {
  clock_ = node.value;
  remove(node);
}

void PrefixTree::remove(Node& node) {
  CHECK(is_removable(node));
  Node& parent = *node.parent;
  leaves_.erase(&node);
  parent.children.erase(parent.children.find(std::span<const int>(node.tokens)));
  --size_;
  update_list(parent);
  remove_root_if_empty(parent);
}

void PrefixTree::remove_root_if_empty(Node& node) {
  if (node.parent || node.pins > 0 || !node.children.empty()) return;
  std::erase_if(roots_, [&](const auto& entry) { return entry.second.get() == &node; });
}

}  // namespace weir
