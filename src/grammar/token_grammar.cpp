#include "grammar/token_grammar.h"

#include <algorithm>
#include <cstring>

namespace weir {
namespace {

constexpr size_t kMaskBytesMax = size_t(64) << 20;
// Stacks visited for one mask, a second or so: tokens that a hostile grammar does not decide within
// it are forbidden.
constexpr uint64_t kMaskWorkMax = 30'000'000;
constexpr size_t kStackBytesMax = size_t(128) << 20;

// Byte b of the result is 1 where bit b is 0.
uint64_t spread_zeros(uint8_t bits) {
  const uint64_t each = (uint64_t(bits) * 0x0101010101010101u) & 0x8040201008040201u;
  return (((each + 0x7F7F7F7F7F7F7F7Fu) | each) >> 7 & 0x0101010101010101u) ^ 0x0101010101010101u;
}

void forbid_others(const TokenSet& allowed, std::span<uint8_t> is_forbidden) {
  const size_t whole = is_forbidden.size() / 64;
  for (size_t w = 0; w < whole && w < allowed.size(); ++w) {
    uint8_t* to = is_forbidden.data() + w * 64;
    if (allowed[w] == ~uint64_t(0)) continue;
    if (allowed[w] == 0) {
      std::memset(to, 1, 64);
      continue;
    }
    for (int part = 0; part < 8; ++part) {
      const uint64_t bytes = spread_zeros(uint8_t(allowed[w] >> (8 * part)));
      std::memcpy(to + 8 * part, &bytes, 8);
    }
  }
  for (size_t id = std::min(whole, allowed.size()) * 64; id < is_forbidden.size(); ++id)
    is_forbidden[id] = id / 64 >= allowed.size() || !contains(allowed, int(id));
}

}  // namespace

TokenGrammar::TokenGrammar(PushdownAutomaton automaton,
                           std::shared_ptr<const TokenVocabulary> vocabulary)
    : automaton_(std::move(automaton)), vocabulary_(std::move(vocabulary)) {
  stacks_.emplace(automaton_);
  path_.resize(
      size_t(std::max(vocabulary_->plain().depth_max(), vocabulary_->others().depth_max())) + 1);
}

// All texts below a node share its stacks.
void TokenGrammar::walk(const TokenTrie& trie, StackSets::Set set, TokenSet& allowed) {
  const std::vector<TokenTrie::Node>& nodes = trie.nodes();
  const bool is_plain = &trie == &vocabulary_->plain();
  path_[0] = set;
  const uint64_t work_max = stacks_->work() + kMaskWorkMax;
  for (size_t i = 0; i < nodes.size() && stacks_->work() < work_max;) {
    const TokenTrie::Node& node = nodes[i];
    const StackSets::Set next = stacks_->next(path_[node.depth], node.byte);
    if (next == StackSets::kDead) {
      i = size_t(node.after);
      continue;
    }
    if (is_plain && stacks_->is_plain(next)) {  // what is below is whole plain characters
      for (const int id : trie.all_ids(node)) insert(allowed, id);
      i = size_t(node.after);
      continue;
    }
    path_[node.depth + 1u] = next;
    for (const int id : trie.ids(node)) insert(allowed, id);
    ++i;
  }
}

const TokenSet& TokenGrammar::mask(StackSets::Set set) {
  ++statistics_.masks;
  const auto known = masks_.find(set);
  if (known != masks_.end()) return known->second;
  ++statistics_.computed;
  if ((masks_.size() + 1) * vocabulary_->words() * 8 > kMaskBytesMax) masks_.clear();
  StackSets::Set others = set;
  const int64_t plain = stacks_->plain_characters(set, others);
  TokenSet allowed = vocabulary_->plain_tokens(plain);
  walk(vocabulary_->plain(), others, allowed);
  walk(vocabulary_->others(), set, allowed);
  if (stacks_->is_complete(set))
    for (const int id : vocabulary_->ends()) insert(allowed, id);
  return masks_.emplace(set, std::move(allowed)).first->second;
}

void TokenGrammar::read(Position& position, std::span<const int> tokens) {
  for (const int id : tokens) {
    // Nothing follows an end, and what no grammar draws matches none.
    const std::string_view bytes =
        id >= 0 && id < vocabulary_->size() ? vocabulary_->bytes(id) : std::string_view();
    const StackSets::Set before = position.set;
    position.set = bytes.empty() ? StackSets::kDead : stacks_->next(before, bytes);
    if (position.set == StackSets::kDead && vocabulary_->is_mark(id))
      position.set = stacks_->next(before, TokenVocabulary::token_literal(id));
  }
}

TokenGrammar::Position TokenGrammar::advance_locked(Position position, std::span<const int> tokens,
                                                    size_t more) {
  if (stacks_->bytes() > kStackBytesMax) {
    stacks_.emplace(automaton_);
    masks_.clear();
    ++life_;
  }
  if (position.life != life_) {
    position = {life_, stacks_->begin()};
    more = tokens.size();
  }
  read(position, tokens.last(more));
  return position;
}

TokenGrammar::Position TokenGrammar::advance(Position position, std::span<const int> tokens,
                                             size_t more) {
  const std::lock_guard lock(mutex_);
  return advance_locked(position, tokens, more);
}

TokenGrammar::Position TokenGrammar::forbid(Position position, std::span<const int> tokens,
                                            size_t more, std::span<uint8_t> is_forbidden) {
  const std::lock_guard lock(mutex_);
  position = advance_locked(position, tokens, more);
  forbid_others(mask(position.set), is_forbidden);
  return position;
}

bool TokenGrammar::matches(std::string_view text) {
  const std::lock_guard lock(mutex_);
  return stacks_->is_complete(stacks_->next(stacks_->begin(), text));
}

bool TokenGrammar::begins(std::string_view text) {
  const std::lock_guard lock(mutex_);
  return stacks_->next(stacks_->begin(), text) != StackSets::kDead;
}

TokenGrammar::Statistics TokenGrammar::statistics() const {
  const std::lock_guard lock(mutex_);
  return statistics_;
}

void GrammarFilter::forbid(std::span<const int> tokens, std::span<const float>,
                           std::span<uint8_t> is_forbidden) {
  std::span<const int> drawn = tokens.subspan(std::min(prompt_, tokens.size()));
  if (begins_after_) {
    const auto mark = std::find(drawn.begin(), drawn.end(), *begins_after_);
    if (mark == drawn.end()) return;
    drawn = drawn.subspan(size_t(mark - drawn.begin()) + 1);
  }
  const bool continues =
      drawn.size() >= read_.size() && std::equal(read_.begin(), read_.end(), drawn.begin());
  if (!continues) {
    read_.clear();
    position_ = {};
  }
  position_ = grammar_->forbid(position_, drawn, drawn.size() - read_.size(), is_forbidden);
  read_.insert(read_.end(), drawn.begin() + ptrdiff_t(read_.size()), drawn.end());
}

}  // namespace weir
