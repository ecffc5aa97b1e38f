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

 private:
  std::unordered_map<uint64_t, uint32_t> edges_;  // node << 8 | byte -> node
  std::unordered_map<uint32_t, int> ids_;         // of the nodes that end a token
  std::array<bool, 256> starts_{};
  uint32_t nodes_ = 1;
};

}  // namespace weir
