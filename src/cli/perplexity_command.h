// `weir perplexity`: how well a model predicts a text; and `weir importance`: which columns of its
// weights that text needs.
#pragma once
#include <string>

#include "base/result.h"
#include "cli/ending.h"

namespace weir {

struct PerplexityOptions {
  std::string model, text;  // a file; "-": standard input
  int context = 512;
  bool scores_all = false;  // every token of a window, not its second half alone
  int windows = 0;          // 0: all
  bool exact = false;       // as in GenerateOptions
  int threads = 0;
  bool json = false;
};

// exp of the mean of -log p. The text is cut into windows of `context` tokens, each beginning with
// BOS where the tokenizer puts one; the tokens of a window's second half count, as llama.cpp's
// perplexity counts them, so that each has that much before it.
Result<Ending> perplexity(const PerplexityOptions& options);

struct ImportanceOptions {
  std::string model, text, out;
  int context = 512;
  int windows = 0;
  bool overwrites = false;
  int threads = 0;
};
// Writes a file for `weir quantize --importance`, which llama-quantize reads too.
Result<Ending> importance(const ImportanceOptions& options);

}  // namespace weir
