// Which tokens end a reply. Files name some of them (eos_token_id, one or a list), others are known
// by their text or from what the chat template writes behind a reply; a reply ends at each.
#pragma once
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/json.h"
#include "base/result.h"
#include "text/tokenizer.h"

namespace weir {

// Added tokens whose text says that they end a turn, a message, a document or a file, as llama.cpp
// takes them: <|im_end|>, <|eot_id|>, <|endoftext|>, <|fim_pad|> ... In order of their ids.
std::vector<int> ends_by_name(const Tokenizer& tokenizer);
// Whether a token with this text is one of them.
bool is_end_name(std::string_view text);

// The control token that a chat template writes right behind a reply. Nothing where it writes none
// or can not be rendered.
std::optional<int> end_of_template(const std::string& source, const Tokenizer& tokenizer);

// `eos_token_id` of config.json or generation_config.json: a number, a list of them, or null. Ids
// outside [0, size) are left out, since no reply can have them. Errors name the key.
Result<std::vector<int>> ends_of_config(const Json& config, int size);

// All of a model's folder: its generation_config.json and config.json, names, template. An error
// when one of these files is there and can not be read.
Result<std::vector<int>> ends_of_folder(const std::string& folder, const Tokenizer& tokenizer,
                                        const std::string& chat_template);

// Appends those of `more` that are no part yet; negative ids are none.
void add_ends(std::vector<int>& ends, const std::vector<int>& more);

}  // namespace weir
