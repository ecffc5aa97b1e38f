// Finds what a text tells whoever writes a reply from it, instead of stating it to a reader:
// instructions hidden in documents that a language model reads (prompt injection). By patterns of
// English and Chinese alone, so that no model has to be trusted. Manuals are full of imperatives;
// "write the total into field 7" is none of these.
#pragma once
#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

namespace weir {

struct Instruction {
  enum class Kind {
    // "Ignore all previous instructions": to the end of the paragraph, list item or table row.
    overrides,
    // "Note to the AI: ...", "if you are a language model", marks of chat templates: the same.
    addresses,
    // "write that the total is 9", 请回答总额是9: the sentence. What it tells to write is not
    // stated.
    dictates,
  };
  Kind kind;
  size_t begin = 0, end = 0;  // bytes
};
const char* instruction_name(Instruction::Kind kind);

// Sorted, none overlapping; joined where they would. Characters without width between letters and
// full-width letters hide nothing. Linear in the text's size, which may be invalid UTF-8.
std::vector<Instruction> find_instructions(std::string_view text);

// Each replaced by "[...]".
std::string without(std::string_view text, const std::vector<Instruction>& instructions);
std::string without_instructions(std::string_view text);

}  // namespace weir
