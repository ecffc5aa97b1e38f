// Finds added tokens (such as <think>) in raw text: leftmost, then longest, in one pass. A trie
// with its edges in a hash table, so that a position costs as many steps as the text agrees with a
// token.
#pragma once
#include <array>
#include <cstdint>
#include <string_view>
#include <unordered_map>

namespace weir {

class AddedTokenMatcher {
 public:
  void add(std::string_view text, int id);  // the first of equal texts stays
  bool empty() const { return nodes_ == 1; }

  struct Match {
    size_t begin = 0, end = 0;
    int id = -1;  // -1: none left
  };
  Match next(std::string_view text, size_t from) const;
  // The same among the matches for which accepts(match) holds.
  template <class F>
  Match next(std::string_view text, size_t from, const F& accepts) const;

 private:
  std::unordered_map<uint64_t, uint32_t> edges_;  // node << 8 | byte -> node
  std::unordered_map<uint32_t, int> ids_;         // of the nodes that end a token
  std::array<bool, 256> starts_{};
  uint32_t nodes_ = 1;
};

template <class F>
AddedTokenMatcher::Match AddedTokenMatcher::next(std::string_view text, size_t from,
                                                 const F& accepts) const {
  if (empty()) return {};
  for (size_t begin = from; begin < text.size(); ++begin) {
    if (!starts_[static_cast<unsigned char>(text[begin])]) continue;
    Match longest;
    uint32_t node = 0;
    for (size_t at = begin; at < text.size(); ++at) {
      auto edge = edges_.find(uint64_t(node) << 8 | static_cast<unsigned char>(text[at]));
      if (edge == edges_.end()) break;
      node = edge->second;
      auto id = ids_.find(node);
      if (id == ids_.end()) continue;
      const Match match = {begin, at + 1, id->second};
      if (accepts(match)) longest = match;
    }
    if (longest.id >= 0) return longest;
  }
  return {};
}

}  // namespace weir
