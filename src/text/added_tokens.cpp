// See the header.
#include "text/added_tokens.h"

namespace weir {

void AddedTokenMatcher::add(std::string_view text, int id) {
  if (text.empty()) return;
  uint32_t node = 0;
  for (char c : text) {
    uint64_t key = uint64_t(node) << 8 | static_cast<unsigned char>(c);
    auto [edge, added] = edges_.try_emplace(key, nodes_);
    if (added) ++nodes_;
    node = edge->second;
  }
  starts_[static_cast<unsigned char>(text[0])] = true;
  ids_.try_emplace(node, id);
}

AddedTokenMatcher::Match AddedTokenMatcher::next(std::string_view text, size_t from) const {
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
      if (id != ids_.end()) longest = {begin, at + 1, id->second};
    }
    if (longest.id >= 0) return longest;
  }
  return {};
}

}  // namespace weir
