// What a GGUF file says about conversations: the chat template and the tokens that end a reply.
#pragma once
#include <span>
#include <string>
#include <vector>

#include "base/result.h"
#include "formats/gguf.h"
#include "tokenizer/tokenizer.h"

namespace weir {

// tokenizer.chat_template; empty where the file has none.
Result<std::string> gguf_chat_template(const GgufMetadata& metadata);

// All tokens that end a reply: those that the file names, the template's, and those known by name.
Result<std::vector<int>> gguf_ends(const GgufMetadata& metadata, const Tokenizer& tokenizer);

// `ends`: all tokens that end a reply, EOS among them, below `vocab_size`. Those that llama.cpp has
// keys for get them; where they do not suffice, the list is kept in weir.tokenizer.end_token_ids.
void write_gguf_ends(const Tokenizer& tokenizer, const std::string& chat_template,
                     std::span<const int> ends, int vocab_size, GgufMetadata& metadata);

}  // namespace weir
