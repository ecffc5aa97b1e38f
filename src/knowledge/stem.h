// English word stems after M. F. Porter, "An algorithm for suffix stripping", Program 14 (1980).
#pragma once
#include <string>

namespace weir {

// `word` in lower case; words with other letters than a to z, and those of one or two letters, stay
// as they are. Equal to the stems of SQLite's tokenizer `porter`.
void stem_english(std::string& word);

}  // namespace weir
