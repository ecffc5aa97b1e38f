// HuggingFace's tokenizer.json and tokenizer_config.json, read and written. What encodes
// differently from what this program can do is refused, with the place in the file.
#pragma once
#include <cstdint>
#include <string>
#include <string_view>

#include "base/result.h"
#include "text/tokenizer.h"

namespace weir {

// `folder` holds tokenizer.json and, if it knows BOS and EOS, tokenizer_config.json.
Result<Tokenizer> read_tokenizer(const std::string& folder);

// tokenizer.json alone. BOS is then what the post-processor puts first, or a name known for it.
Result<Tokenizer> parse_tokenizer_json(std::string_view json);
// Takes BOS and EOS, and whether BOS is added, from the text of tokenizer_config.json.
Result<void> apply_tokenizer_config(std::string_view json, Tokenizer& tokenizer);

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
