// See the header.
#include "tokenizer/added_tokens.h"

#include <utility>

#include "base/check.h"

namespace weir {

size_t AddedTokenMatcher::slot_of(uint32_t node, char byte) const {
  uint64_t key = uint64_t(node) << 8 | static_cast<unsigned char>(byte);
  uint64_t hash = key * 0x9e3779b97f4a7c15u;
  size_t mask = edges_.size() - 1;
  for (size_t at = size_t(hash ^ hash >> 32) & mask;; at = (at + 1) & mask)
    if (edges_[at] == 0 || edges_[at] >> kNodeBits == key) return at;
}

void AddedTokenMatcher::grow() {
  std::vector<uint64_t> old(2 * edges_.size());
  std::swap(old, edges_);
  for (uint64_t edge : old)
    if (edge != 0)
      edges_[slot_of(uint32_t(edge >> (kNodeBits + 8)), char(edge >> kNodeBits))] = edge;
}

void AddedTokenMatcher::add(std::string_view text, int id) {
  if (text.empty()) return;
  uint32_t node = 0;
  for (char c : text) {
    if (ids_.size() * 4 > edges_.size() * 3) grow();
    size_t slot = slot_of(node, c);
    if (edges_[slot] == 0) {
      uint64_t made = ids_.size();
      CHECK(made < uint64_t(1) << kNodeBits);
      edges_[slot] = (uint64_t(node) << 8 | static_cast<unsigned char>(c)) << kNodeBits | made;
      ids_.push_back(-1);
    }
    node = uint32_t(edges_[slot] & ((uint64_t(1) << kNodeBits) - 1));
  }
  starts_[static_cast<unsigned char>(text[0])] = true;
  if (ids_[node] < 0) ids_[node] = id;
}

AddedTokenMatcher::Match AddedTokenMatcher::next(std::string_view text, size_t from) const {
  return next(text, from, [](const Match&) { return true; });
}

}  // namespace weir
