// HuggingFace's tokenizer.json and tokenizer_config.json, read and written. What encodes
// differently from what this program can do is refused, with the place in the file.
#pragma once
#include <cstdint>
#include <string>
#include <string_view>

#include "base/result.h"
#include "tokenizer/tokenizer.h"

namespace weir {

// The files of a folder that belong to its tokenizer and chat form.
inline constexpr const char* kTokenizerFiles[] = {
    "tokenizer.json", "tokenizer_config.json", "special_tokens_map.json", "vocab.json",
    "merges.txt",     "added_tokens.json",     "generation_config.json",  "chat_template.jinja"};

// `folder` holds tokenizer.json; tokenizer_config.json and special_tokens_map.json, if they are
// there, name BOS, EOS, the pad and the unknown token.
Result<Tokenizer> read_tokenizer(const std::string& folder);

// tokenizer.json alone, or with the text of tokenizer_config.json. Without that BOS is what the
// post-processor puts first, or a name known for it.
Result<Tokenizer> parse_tokenizer_json(std::string_view json, std::string_view config = {});

struct TokenizerConfigOptions {
  int64_t model_max_length = 0;    // 0: not written
  std::string chat_template = {};  // "": not written
};
std::string tokenizer_json(const Tokenizer& tokenizer);
std::string tokenizer_config_json(const Tokenizer& tokenizer,
                                  const TokenizerConfigOptions& options);
// Writes both files into an existing folder. Python's tokenizers and transformers load them.
Result<void> write_tokenizer(const Tokenizer& tokenizer, const std::string& folder,
                             const TokenizerConfigOptions& options = {});

}  // namespace weir
