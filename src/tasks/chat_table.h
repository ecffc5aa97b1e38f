// Small talk: what people say, what a polite assistant answers, and how one recognises that the
// answer fits. The data is in data/chat.tsv.
#pragma once
#include <span>
#include <string>
#include <vector>

namespace weir {

struct ChatIntent {
  std::string name;
  std::string language;              // "en" or "zh"
  std::vector<std::string> said;     // at least four
  std::vector<std::string> replies;  // at least two
  std::string fits;                  // a pattern of RE2 that every fitting reply matches
};

std::span<const ChatIntent> chat_intents();

}  // namespace weir
