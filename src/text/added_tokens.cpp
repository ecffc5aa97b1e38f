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
  return next(text, from, [](const Match&) { return true; });
}

}  // namespace weir
