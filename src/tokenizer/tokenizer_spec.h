// The files of a folder's tokenizer as parts of a TokenizerSpec, which tokenizer_config.cpp puts
// together.
#pragma once
#include <string_view>

#include "base/json.h"
#include "base/result.h"
#include "tokenizer/tokenizer.h"

namespace weir {

inline constexpr JsonLimits kTokenizerJsonLimits = {.depth = 32, .bytes = size_t(64) << 20};

// tokenizer.json. BOS and EOS are the tokens that its post-processor puts around a text, else names
// that published models use.
Result<TokenizerSpec> read_tokenizer_spec(std::string_view json);

// What all models of tokenizer.json share: model.vocab, added_tokens and the ids that post_processor
// puts around a text.
Result<void> read_tokens_and_frame(const Json& root, TokenizerSpec& spec);

// Names BOS, EOS, the pad and the unknown token, and says whether BOS frames a text. `config`:
// tokenizer_config.json; `map`: special_tokens_map.json, for tokens that `config` does not name.
// Either may be null. BOS and EOS that are ordinary tokens become added ones.
Result<void> take_special_tokens(const Json& config, const Json& map, TokenizerSpec& spec);

}  // namespace weir
