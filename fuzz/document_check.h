// What every fuzz target of documents asserts: valid UTF-8 and no control characters in every text.
#pragma once
#include <cstdlib>

#include "base/text.h"
#include "documents/document.h"

inline void check_document(const weir::Document& document) {
  for (const weir::DocumentBlock& block : document.blocks) {
    if (block.text.empty()) std::abort();
    if (weir::first_invalid_utf8(block.text) != std::string::npos) std::abort();
    for (const unsigned char c : block.text)
      if ((c < 0x20 && c != '\n' && c != '\t') || c == 0x7F) std::abort();
  }
}
