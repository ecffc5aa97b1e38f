#include "chat/dry_breakers.h"

#include <algorithm>

namespace weir {

std::vector<int> tokens_with(const Tokenizer& tokenizer, std::span<const std::string> texts) {
  std::vector<int> ids;
  for (int id = 0; id < tokenizer.size(); ++id) {
    const std::string_view bytes = tokenizer.token_bytes(id);
    const auto is_in = [&](const std::string& text) {
      return !text.empty() && bytes.find(text) != std::string_view::npos;
    };
    if (std::any_of(texts.begin(), texts.end(), is_in)) ids.push_back(id);
  }
  return ids;
}

}  // namespace weir
