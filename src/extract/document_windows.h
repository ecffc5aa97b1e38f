// A document as the text that a model reads, in windows that fit into its context.
#pragma once
#include <cstddef>
#include <functional>
#include <string>
#include <vector>

#include "documents/document.h"

namespace weir {

struct DocumentWindow {
  std::string text;  // Markdown; begins with the headings that its first block stands under
  size_t first_block = 0, last_block = 0;  // of the document
};

// At most `tokens_max` tokens each, by `count_tokens`. A block that is longer alone is cut at line
// ends, sentences or blanks; parts of a table repeat its head. At least one window, perhaps empty.
std::vector<DocumentWindow> cut_windows(const Document& document, int tokens_max,
                                        const std::function<int(const std::string&)>& count_tokens);

// The headings above a block, outermost first: "Manual > Limits".
std::string heading_path(const Document& document, size_t block);

}  // namespace weir
