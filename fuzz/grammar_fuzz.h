// For the fuzz targets of the grammar room: text before a zero byte is compiled, what follows is
// matched. An error is one line of UTF-8; a text that matched so far can go on by some byte or is
// complete.
#pragma once
#include <cstdlib>

#include "base/text.h"
#include "grammar/stack_sets.h"
#include "grammar/structured_output.h"

namespace weir {

inline void fuzz_form(OutputKind kind, const uint8_t* data, size_t size) {
  const std::string_view input(reinterpret_cast<const char*>(data), size);
  const size_t end = std::min(input.find('\0'), input.size());
  const auto automaton = compile({kind, std::string(input.substr(0, end))});
  if (!automaton) {
    const std::string& message = automaton.error().message;
    if (message.find('\n') != std::string::npos) std::abort();
    if (first_invalid_utf8(message) != std::string::npos) std::abort();
    return;
  }
  StackSets stacks(*automaton);
  StackSets::Set set = stacks.begin();
  for (size_t i = end + 1; i < std::min(size, end + 2000) && stacks.bytes() < 64 << 20; ++i) {
    bool goes_on = stacks.is_complete(set);
    for (int b = 0; b < 256 && !goes_on; ++b)
      goes_on = stacks.next(set, uint8_t(b)) != StackSets::kDead;
    if (!goes_on) std::abort();
    const StackSets::Set next = stacks.next(set, data[i]);
    if (next == StackSets::kDead) return;
    set = next;
  }
}

}  // namespace weir
