// Finds added tokens (such as <think>) in raw text: leftmost, then longest, in one pass. A trie
// with its edges in a hash table, so that a position costs as many steps as the text agrees with a
// token. About 20 bytes of memory for each byte of a token, since a file may bring megabytes.
#pragma once
#include <array>
#include <cstdint>
#include <string_view>
#include <vector>

namespace weir {

class AddedTokenMatcher {
 public:
  void add(std::string_view text, int id);  // the first of equal texts stays
  bool empty() const { return ids_.size() == 1; }

  struct Match {
    size_t begin = 0, end = 0;
    int id = -1;  // -1: none left
  };
  Match next(std::string_view text, size_t from) const;
  // The same among the matches for which accepts(match) holds.
  template <class F>
  Match next(std::string_view text, size_t from, const F& accepts) const;

 private:
  static constexpr int kNodeBits = 28;
  // The slot of this edge, or the empty one where it belongs.
  size_t slot_of(uint32_t node, char byte) const;
  void grow();

  // An edge: the node it leaves (28 bits), its byte (8), the node it leads to (28); 0: none, as no
  // edge leads to the root. A power of two, at most 3/4 full.
  std::vector<uint64_t> edges_ = std::vector<uint64_t>(64);
  std::vector<int32_t> ids_ = {-1};  // of the token that ends at a node; node 0 is the root
  std::array<bool, 256> starts_{};
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
      const uint64_t edge = edges_[slot_of(node, text[at])];
      if (edge == 0) break;
      node = uint32_t(edge & ((uint64_t(1) << kNodeBits) - 1));
      if (ids_[node] < 0) continue;
      const Match match = {begin, at + 1, ids_[node]};
      if (accepts(match)) longest = match;
    }
    if (longest.id >= 0) return longest;
  }
  return {};
}

}  // namespace weir
