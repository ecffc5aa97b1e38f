#include "extract/withheld.h"

#include "base/text.h"
#include "text/instructions.h"

namespace weir {
namespace {

constexpr size_t kTextBytesMax = 500;

void withhold(std::string& text, int page, std::vector<WithheldText>& withheld) {
  const std::vector<Instruction> found = find_instructions(text);
  if (found.empty()) return;
  for (const Instruction& one : found)
    withheld.push_back(
        {printable(std::string_view(text).substr(one.begin, one.end - one.begin), kTextBytesMax),
         page});
  text = without(text, found);
}

}  // namespace

SafeDocument withhold_instructions(const Document& document) {
  SafeDocument safe{document, {}};
  withhold(safe.document.title, 0, safe.withheld);
  for (DocumentBlock& block : safe.document.blocks) withhold(block.text, block.page, safe.withheld);
  return safe;
}

}  // namespace weir
