// From files to documents. Text and HTML files are read side by side, one thread each; a JSONL file
// is cut into parts for all threads. Results are put together in order, so that the corpus and the
// first error are the same at any number of threads.
#include "corpus/corpus.h"

#include <algorithm>
#include <optional>
#include <span>
#include <string_view>

#include "base/encoding.h"
#include "base/file.h"
#include "base/sha256.h"
#include "base/text.h"
#include "corpus/corpus_files.h"
#include "corpus/jsonl.h"
#include "documents/html_text.h"

namespace weir {
namespace {

constexpr size_t kPartBytes = size_t(4) << 20;
// Files in flight at once; bounds what is in memory beside the corpus itself.
constexpr size_t kWaveFiles = 1024;
constexpr std::string_view kByteOrderMark = "\xEF\xBB\xBF";

std::string line_of(std::string_view text, size_t at) {
  return std::to_string(1 + std::count(text.begin(), text.begin() + std::ptrdiff_t(at), '\n'));
}

// A text or HTML file as its one document, possibly blank.
Result<std::string> read_document(const CorpusFile& file, size_t bytes_max) {
  std::string bytes = TRY(read_corpus_file(file, bytes_max));
  std::string text = TRY(clean_text(std::move(bytes), file.path));
  if (file.kind == FileKind::html) return TRY_IN(file.path, html_to_text(text));
  return text;
}

class CorpusReader {
 public:
  CorpusReader(const CorpusOptions& options, ThreadPool& pool) : options_(options), pool_(pool) {}

  Result<Corpus> read() {
    std::vector<CorpusFile> files = TRY(find_corpus_files(options_.paths));
    uint64_t stored = 0;
    for (const CorpusFile& file : files) stored += file.bytes;
    if (stored > options_.bytes_max)
      return Error{"corpus of " + format_bytes(double(stored)) + " in files; the limit is " +
                   format_bytes(double(options_.bytes_max))};
    for (size_t begin = 0; begin < files.size();) {
      size_t end = begin + 1;
      if (files[begin].kind == FileKind::jsonl) {
        TRY(read_jsonl(files[begin]));
      } else {
        while (end < files.size() && end - begin < kWaveFiles && files[end].kind != FileKind::jsonl)
          ++end;
        TRY(read_documents(std::span(files).subspan(begin, end - begin)));
      }
      begin = end;
    }
    if (rows_ > 0 && corpus_.skipped_lines * 100 > rows_)
      return Error{first_skipped_ + " (and " + std::to_string(corpus_.skipped_lines - 1) +
                   " more of " + std::to_string(rows_) +
                   " lines; more than 1 % cannot be skipped, check the files)"};
    if (corpus_.documents.empty()) return empty_error();
    corpus_.files = files.size();
    corpus_.sha256 = digest();
    return std::move(corpus_);
  }

 private:
  Result<void> read_documents(std::span<const CorpusFile> files) {
    std::vector<std::optional<Result<std::string>>> texts(files.size());
    pool_.parallel_for(int(files.size()), [&](int i, int) {
      texts[size_t(i)] = read_document(files[size_t(i)], options_.bytes_max);
    });
    for (size_t i = 0; i < files.size(); ++i) {
      std::string text = TRY(std::move(*texts[i]));
      TRY(add(std::move(text), files[i].path));
    }
    return {};
  }

  Result<void> read_jsonl(const CorpusFile& file) {
    std::optional<MappedFile> mapped;
    std::string unpacked;
    std::string_view bytes;
    if (file.gzip) {
      unpacked = TRY(read_corpus_file(file, options_.bytes_max));
      bytes = unpacked;
    } else if (file.bytes > 0) {
      mapped = TRY(MappedFile::open(file.path));
      bytes = {reinterpret_cast<const char*>(mapped->bytes().data()), mapped->bytes().size()};
    }
    if (bytes.starts_with(kByteOrderMark)) bytes.remove_prefix(kByteOrderMark.size());
    std::vector<std::string_view> parts = split_lines(bytes, kPartBytes);
    std::vector<JsonlPart> read(parts.size());
    pool_.parallel_for(int(parts.size()), [&](int i, int) {
      read[size_t(i)] = parse_jsonl(parts[size_t(i)], options_.jsonl_field);
    });
    size_t first_line = 0;  // of the part, 0-based
    for (JsonlPart& part : read) {
      if (part.bad > 0)
        if (std::string encoding = foreign_encoding(bytes, file.path); !encoding.empty())
          part.first_bad_reason = std::move(encoding);
      if (part.bad > 0) TRY(count_bad(part, file.path, first_line));
      rows_ += part.rows;
      for (JsonlDocument& document : part.documents)
        TRY(add(std::move(document.text),
                file.path + ":" + std::to_string(first_line + document.line)));
      first_line += part.lines;
    }
    return {};
  }

  Result<void> count_bad(const JsonlPart& part, const std::string& path, size_t first_line) {
    std::string message = path + ":" + std::to_string(first_line + part.first_bad_line) + ": " +
                          part.first_bad_reason;
    if (!options_.skip_bad_lines)
      return Error{message + "; correct the line or set skip_bad_lines"};
    if (corpus_.skipped_lines == 0) first_skipped_ = std::move(message);
    corpus_.skipped_lines += part.bad;
    return {};
  }

  Result<void> add(std::string text, std::string source) {
    if (is_blank_text(text)) return {};
    corpus_.bytes += text.size();
    if (corpus_.bytes > options_.bytes_max)
      return Error{source + ": the corpus exceeds " + format_bytes(double(options_.bytes_max))};
    corpus_.documents.push_back(std::move(text));
    corpus_.sources.push_back(std::move(source));
    return {};
  }

  Error empty_error() const {
    std::string paths;
    for (const std::string& path : options_.paths) paths += (paths.empty() ? "" : ", ") + path;
    if (paths.empty()) return Error{"empty corpus: no path was given"};
    return Error{"empty corpus: no text in " + paths +
                 " (looked for .txt, .md, .html and .jsonl, each also as .gz)"};
  }

  // Each document's digest enters a chain, because the documents are not in one piece of memory.
  std::string digest() {
    std::vector<std::string> digests(corpus_.documents.size());
    pool_.parallel_for(int(digests.size()), [&](int i, int) {
      digests[size_t(i)] = sha256_hex(corpus_.documents[size_t(i)]);
    });
    std::string chain;
    for (size_t i = 0; i < digests.size(); ++i)
      chain =
          sha256_hex(chain + " " + std::to_string(corpus_.documents[i].size()) + " " + digests[i]);
    return chain;
  }

  const CorpusOptions& options_;
  ThreadPool& pool_;
  Corpus corpus_;
  size_t rows_ = 0;
  std::string first_skipped_;
};

}  // namespace

Result<std::string> clean_text(std::string bytes, const std::string& path) {
  if (bytes.starts_with(kByteOrderMark)) bytes.erase(0, kByteOrderMark.size());
  const size_t nul = bytes.find('\0'), broken = first_invalid_utf8(bytes);
  if (std::min(nul, broken) != std::string::npos)
    if (const std::string encoding = foreign_encoding(bytes, path); !encoding.empty())
      return Error{path + ":" + line_of(bytes, std::min(nul, broken)) + ": " + encoding};
  if (nul != std::string::npos)
    return Error{path + ":" + line_of(bytes, nul) + ": holds a NUL byte; is this a text file?"};
  if (broken != std::string::npos)
    return Error{path + ":" + line_of(bytes, broken) +
                 ": not valid UTF-8; convert the file, for example with iconv -t UTF-8"};
  if (bytes.find('\r') == std::string::npos) return bytes;
  size_t kept = 0;
  for (size_t i = 0; i < bytes.size(); ++i)
    if (bytes[i] != '\r' || i + 1 == bytes.size() || bytes[i + 1] != '\n') bytes[kept++] = bytes[i];
  bytes.resize(kept);
  return bytes;
}

Result<Corpus> read_corpus(const CorpusOptions& options, ThreadPool* pool) {
  if (pool) return CorpusReader(options, *pool).read();
  ThreadPool own;
  return CorpusReader(options, own).read();
}

}  // namespace weir
