// Which files a corpus consists of, and their bytes: paths, folders and patterns become a sorted
// list, gzip is unpacked. What the bytes mean is corpus.cpp's business.
#pragma once
#include <cstdint>
#include <string>
#include <vector>

#include "base/result.h"

namespace weir {

enum class FileKind { text, html, jsonl };

struct CorpusFile {
  std::string path;
  FileKind kind = FileKind::text;
  bool gzip = false;
  uint64_t bytes = 0;  // as stored
};

// In the order of `paths`, sorted inside folders and patterns; a file reached twice is listed once.
Result<std::vector<CorpusFile>> find_corpus_files(const std::vector<std::string>& paths);

// The unpacked bytes; more than `bytes_max` is an error.
Result<std::string> read_corpus_file(const CorpusFile& file, size_t bytes_max);

}  // namespace weir
