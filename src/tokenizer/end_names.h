// Tokens that end a reply by their text, and by the ids that a config names.
#pragma once
#include <string_view>
#include <vector>

#include "base/json.h"
#include "base/result.h"
#include "tokenizer/tokenizer.h"

namespace weir {

// Added tokens whose text says that they end a turn, a message, a document or a file, as llama.cpp
// takes them: <|im_end|>, <|eot_id|>, <|endoftext|>, <|fim_pad|> ... In order of their ids.
std::vector<int> ends_by_name(const Tokenizer& tokenizer);
// Whether a token with this text is one of them.
bool is_end_name(std::string_view text);

// `eos_token_id` of config.json or generation_config.json: a number, a list of them, or null. Ids
// outside [0, size) are left out, since no reply can have them. Errors name the key.
Result<std::vector<int>> ends_of_config(const Json& config, int size);

// Appends those of `more` that are no part yet; negative ids are none.
void add_ends(std::vector<int>& ends, const std::vector<int>& more);

}  // namespace weir
