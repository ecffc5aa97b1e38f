// What models carry beside weights, configuration and tokenizer: how to sample from them
// (generation_config.json), and who made them under which licence (the head of README.md, the keys
// general.* of GGUF). Kept in both directions.
#pragma once
#include <span>
#include <string>

#include "base/result.h"
#include "formats/gguf.h"
#include "tokenizer/tokenizer.h"

namespace weir {

// Sets general.* from the head of README.md, and general.sampling.* and weir.generation_config from
// generation_config.json. Single keys of the head do not replace what `metadata` has; the list of
// all keys that facts_to_folder() wrote there does. An absent file sets nothing; one that can not
// be read is an error.
Result<void> facts_to_gguf(const std::string& folder, GgufMetadata& metadata);

// Writes generation_config.json, as the file's folder had it or made from its keys, with `ends` as
// eos_token_id, and README.md with the general.* keys in its head.
Result<void> facts_to_folder(const GgufMetadata& metadata, const Tokenizer& tokenizer,
                             std::span<const int> ends, const std::string& folder);

}  // namespace weir
