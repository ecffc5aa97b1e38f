// `weir logits`: the scores of every token over the vocabulary, as a NumPy file, so that anyone can
// compare with another program.
#pragma once
#include <string>
#include <vector>

#include "base/result.h"
#include "cli/ending.h"

namespace weir {

struct LogitsOptions {
  std::string model;
  std::vector<int> tokens;
  std::string out;  // FILE.npy, f32 [tokens, vocabulary]
  std::string cache = "expanded";
  int chunk = 256;     // tokens of a pass
  bool exact = false;  // as in GenerateOptions
  int threads = 0;
};

Result<Ending> logits(const LogitsOptions& options);

}  // namespace weir
