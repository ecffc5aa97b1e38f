// A document as a model may read it: without what it tells whoever reads it to write.
#pragma once
#include <string>
#include <vector>

#include "documents/document.h"

namespace weir {

struct WithheldText {
  std::string text;  // as the document has it, at most 500 bytes
  int page = 0;
};

struct SafeDocument {
  Document document;  // the same blocks, with instructions (text/instructions.h) as "[...]"
  std::vector<WithheldText> withheld;
};
SafeDocument withhold_instructions(const Document& document);

}  // namespace weir
