// What a character is compared as: compatibility forms, case, diacritics, look-alike letters and
// traditional characters become one form. Sources: tools/make_fold_table.py.
#pragma once
#include <cstdint>

namespace weir {

enum class CharacterKind : uint8_t {
  ignored,    // marks, zero width, bidirectional controls
  separator,  // blanks, punctuation, symbols, controls
  letter,     // of words between blanks, digits included
  han,        // of scripts without blanks between words
};

struct FoldedCharacter {
  char32_t code;
  CharacterKind kind;
};
FoldedCharacter fold(char32_t code);

// The first letter of a Han character's reading in Mandarin, 'a' to 'z'; 0: it has none.
char reading_initial(char32_t code);

}  // namespace weir
