// The names in tokenizer.ggml.pre and the split steps that they mean.
#pragma once
#include <string>

#include "base/result.h"
#include "formats/gguf.h"
#include "tokenizer/tokenizer.h"

namespace weir {

struct GgufSplitting {
  const char* name;
  const char* preset;  // "": llama.cpp's default
  bool nfc = false;
  bool ignore_merges = false;
  bool adds_bos = false;  // where add_bos_token is absent
  bool isolates_digits = false;

  Result<PreTokenizer> pre_tokenizer() const;
};

// Of a file; an error names the key and the names that are known.
Result<const GgufSplitting*> read_gguf_splitting(const GgufMetadata& metadata);

// The name to write for a tokenizer: one whose steps mean the same, else one that gives the same
// ids with this vocabulary (gives_same_ids()). An error when there is none.
Result<const GgufSplitting*> choose_gguf_splitting(const Tokenizer& tokenizer);

// Whether the tokenizer's ids would be the same with `other` in place of its own split steps: no
// token's text may be cut by one of the two only, whatever character stands before or behind it.
// Characters that neither tells apart count as one, so this covers all of Unicode.
Result<bool> gives_same_ids(const Tokenizer& tokenizer, const PreTokenizer& other);

}  // namespace weir
