// The tokenizer that a GGUF file carries in its metadata (tokenizer.ggml.*), read and written so
// that llama.cpp gives the same ids. Byte-level BPE only, as DeepSeek, Qwen, Llama 3 and Kimi have.
#pragma once
#include <string>
#include <vector>

#include "base/result.h"
#include "formats/gguf.h"
#include "tokenizer/tokenizer.h"

namespace weir {

// Rows without a token at the end ("[PAD102399]") are left out: size() is where real tokens end.
// Without token types all tokens are ordinary but those that the id keys name and those whose text
// says that they end a reply. Errors name the key, or the token or merge.
Result<Tokenizer> read_gguf_tokenizer(const GgufMetadata& metadata);

// Sets tokenizer.ggml.* and, unless empty, tokenizer.chat_template. `vocab_size`: rows of the
// model's embedding, which llama.cpp wants a token for each; 0 for the tokenizer's own size.
// Reading it back gives a tokenizer with the same ids, without tokens_without_rows(); its split
// steps are those of the name. Fails when none of llama.cpp's names gives the same ids.
Result<void> write_gguf_tokenizer(const Tokenizer& tokenizer, const std::string& chat_template,
                                  GgufMetadata& metadata, int vocab_size = 0);

// Added tokens beyond the model's rows, which a fine-tune left in the tokenizer and no reply can
// have. An error when some other token is beyond them, or BOS, EOS or the template needs one.
Result<std::vector<int>> tokens_without_rows(const Tokenizer& tokenizer,
                                             const std::string& chat_template, int rows);

}  // namespace weir
