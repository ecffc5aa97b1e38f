// `weir tokenize`: text on standard input, tokens on standard output.
#pragma once
#include <string>

#include "base/result.h"

namespace weir {

struct TokenizeOptions {
  std::string model;        // a folder, a .gguf file or a tokenizer.json
  bool no_special = false;  // neither the tokens around a text nor control tokens inside it
  bool ids = false;         // only ids, in one line; else a line for each token
};

Result<void> tokenize(const TokenizeOptions& options);

}  // namespace weir
