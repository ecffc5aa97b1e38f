// Small talk as data: what people say, what a polite assistant answers, and how one recognises that
// the answer fits.
#pragma once
#include <span>
#include <vector>

namespace weir {

struct ChatIntent {
  const char* name;
  const char* language;              // "en" or "zh"
  std::vector<const char*> said;     // at least four
  std::vector<const char*> replies;  // at least two
  const char* fits;                  // a pattern of RE2 that every fitting reply matches
};

std::span<const ChatIntent> chat_intents();

}  // namespace weir
