// Documents as UTF-8 text, read from plain text, Markdown, HTML and JSONL files (gzip too). Knows
// nothing of tokens; dataset.h takes over from here.
#pragma once
#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "base/thread_pool.h"

namespace weir {

// What a corpus is read from. Paths may be files, folders (every .txt, .md, .jsonl, .html, .htm and
// .xhtml below, each also with .gz, in sorted order, hidden ones left out) or glob patterns. A file
// reached twice, by a link or another path, is read once.
struct CorpusOptions {
  std::vector<std::string> paths;
  std::string jsonl_field = "text";    // the key that holds the document in JSONL
  bool skip_bad_lines = false;         // else a bad JSONL line is an error; more than 1 % always is
  size_t bytes_max = size_t(8) << 30;  // of all input after decompression
};

// HTML becomes plain text: headings, paragraphs, lists, tables and code stay readable; navigation,
// scripts and styles are dropped. One text or HTML file is one document, one JSONL row too.
struct Corpus {
  std::vector<std::string> documents;  // never empty or blank
  std::vector<std::string> sources;    // of each document: "path", or "path:line" for JSONL
  size_t bytes = 0;                    // of all documents
  size_t files = 0;
  size_t skipped_lines = 0;
  std::string sha256;  // of the documents, in order, with lengths: names the data in manifests
};

// Errors: nothing found at a path; no document left ("empty corpus"); invalid UTF-8, NUL bytes or
// bad JSON with file and line. `pool` null: one thread per core for the duration of the call.
Result<Corpus> read_corpus(const CorpusOptions& options, ThreadPool* pool = nullptr);

// A file's bytes as text: without byte order mark, CRLF as LF. Errors: NUL bytes and invalid UTF-8,
// with `path` and line.
Result<std::string> clean_text(std::string bytes, const std::string& path);

}  // namespace weir
