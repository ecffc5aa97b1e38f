// Classes of tokens that read alike: " The", "the" and "THE" are one. DeepSeek's Engram hashes them
// instead of tokens (config/engram.h), so they are exactly those that its code makes.
#pragma once
#include <string>
#include <string_view>
#include <vector>

#include "tokenizer/tokenizer.h"

namespace weir {

struct TokenClasses {
  std::vector<int> of_token;  // [tokenizer.size()], numbered by their first token
  int count = 0;
};
TokenClasses token_classes(const Tokenizer& tokenizer);

// What the text of a token is compared by: NFKD without marks, in lower case, runs of blanks as one
// space and none at the ends, but for a text that is one space. Not UTF-8: as it is.
std::string folded_token(std::string_view text);

}  // namespace weir
