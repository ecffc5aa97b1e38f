// Any bytes as a text with instructions: spans in order inside of the text, and a text without them
// that is as long as it should be.
#include <cstdint>
#include <cstdlib>

#include "text/instructions.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  const auto found = weir::find_instructions(text);
  size_t at = 0, hidden = 0;
  for (const weir::Instruction& one : found) {
    if (one.begin < at || one.end < one.begin || one.end > size) std::abort();
    at = one.end;
    hidden += one.end - one.begin;
  }
  const size_t mask = std::string_view("[...]").size();
  if (weir::without(text, found).size() != size - hidden + found.size() * mask) std::abort();
  return 0;
}
