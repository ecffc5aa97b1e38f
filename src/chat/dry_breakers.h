// The tokens that end a repetition in the sense of the DRY penalty (engine/sampling_options.h).
#pragma once
#include <span>
#include <string>
#include <vector>

#include "tokenizer/tokenizer.h"

namespace weir {

// Those of text-generation-webui and llama.cpp.
inline const std::vector<std::string> kDryBreakers = {"\n", ":", "\"", "*"};

// Ids, ascending, of all tokens whose bytes contain one of the texts. A text that only several
// tokens together make up is not seen.
std::vector<int> tokens_with(const Tokenizer& tokenizer, std::span<const std::string> texts);

}  // namespace weir
