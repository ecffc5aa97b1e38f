// The tokens of a vocabulary as tries over their bytes, for walks that stop where no text
// continues. Made once for a tokenizer.
#pragma once
#include <algorithm>
#include <cstdint>
#include <map>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/result.h"
#include "tokenizer/tokenizer.h"

namespace weir {

// A character that JSON strings hold as it is: not a control character, '"' or '\'.
bool is_plain_character(char32_t code);

// One bit per token id.
using TokenSet = std::vector<uint64_t>;
inline void insert(TokenSet& set, int id) { set[size_t(id) / 64] |= uint64_t(1) << (id % 64); }
inline bool contains(const TokenSet& set, int id) {
  return (set[size_t(id) / 64] >> (id % 64)) & 1;
}

class TokenTrie {
 public:
  struct Node {
    uint8_t byte;
    uint16_t depth;   // of the root's children: 0
    int after;        // the node after everything below this one
    int first, last;  // of ids(): the tokens that end here
  };

  // `tokens`: bytes and id.
  explicit TokenTrie(std::vector<std::pair<std::string_view, int>> tokens);
  const std::vector<Node>& nodes() const { return nodes_; }  // in the order of their bytes
  std::span<const int> ids(const Node& node) const {
    return std::span(ids_).subspan(size_t(node.first), size_t(node.last - node.first));
  }
  // Of the node and of everything below it.
  std::span<const int> all_ids(const Node& node) const {
    const size_t end =
        size_t(node.after) < nodes_.size() ? size_t(nodes_[size_t(node.after)].first) : ids_.size();
    return std::span(ids_).subspan(size_t(node.first), end - size_t(node.first));
  }
  int depth_max() const { return depth_max_; }

 private:
  std::vector<Node> nodes_;
  std::vector<int> ids_;
  int depth_max_ = 0;
};

class TokenVocabulary {
 public:
  // Plain tokens have at most so many characters, all of them plain.
  static constexpr int kPlainMax = 64;

  // `ends`: the ids that end a reply. Fails without any, and for ids outside the vocabulary.
  // Special tokens, tokens without bytes and those of more than 1 KiB are never drawn.
  static Result<std::shared_ptr<const TokenVocabulary>> create(const Tokenizer& tokenizer,
                                                               std::vector<int> ends);

  int size() const { return size_; }
  size_t words() const { return size_t(size_ + 63) / 64; }  // of a TokenSet
  const std::vector<int>& ends() const { return ends_; }
  bool is_end(int id) const;
  // "" for tokens that are never drawn as text.
  std::string_view bytes(int id) const { return bytes_[size_t(id)]; }

  // Marks are added tokens, special or not, that a grammar may demand by their ids, whatever their
  // text. In the grammar such a token is a literal that is part of no text in UTF-8, and which no
  // other token begins.
  static std::string token_literal(int id);
  bool is_mark(int id) const { return marks_.contains(id); }
  const std::string& mark_text(int id) const { return marks_.at(id); }
  // The longest mark whose text stands in `text` at `at`; -1: none.
  int mark_at(std::string_view text, size_t at) const;

  const TokenTrie& plain() const { return *plain_; }
  const TokenTrie& others() const { return *others_; }
  // The plain tokens of at most `characters` characters.
  const TokenSet& plain_tokens(int64_t characters) const {
    return plain_tokens_[size_t(std::min<int64_t>(characters, kPlainMax))];
  }

 private:
  TokenVocabulary() = default;
  int size_ = 0;
  std::vector<int> ends_;
  std::vector<std::string> bytes_;
  std::map<int, std::string> marks_;
  std::unique_ptr<TokenTrie> plain_, others_;
  std::vector<TokenSet> plain_tokens_;  // by characters
};

}  // namespace weir
