// `weir corpus`: what training would read from files and folders, as text. With --out one JSON line
// per document, {"text": ..., "source": ...}, which `weir train` reads back as the same documents.
#pragma once
#include <string>
#include <vector>

#include "base/result.h"

namespace weir {

struct CorpusCommand {
  std::vector<std::string> paths;  // files, folders, patterns
  std::string out;                 // JSONL file; empty: only look
  bool stats = false;              // sizes, the longest documents; also without `out`
  std::string field = "text";      // the key that holds the document in JSONL input
  bool skip_bad_lines = false;
  int threads = 0;  // 0: all cores
};

// Prints one line, or with stats a small table, to stdout.
Result<void> corpus(const CorpusCommand& command);

}  // namespace weir
