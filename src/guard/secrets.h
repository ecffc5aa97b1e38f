// Keys, tokens and passwords in a text: by the beginning that their issuers give them, or by their
// entropy beside a word that announces one.
#pragma once
#include <string_view>
#include <vector>

#include "guard/detectors.h"

namespace weir {

// In text[begin, end), a run of token characters; the 48 bytes before a token are looked at, too.
void find_secrets(std::string_view text, size_t begin, size_t end,
                  std::vector<DetectorMatch>& matches);

// Bits for each character, by the frequencies of the characters in the text.
double entropy_bits(std::string_view text);

}  // namespace weir
