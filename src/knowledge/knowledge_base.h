// A knowledge base: one SQLite file of documents cut into chunks, the index over their words, and
// vectors. Documents enter and leave whole, inside the caller's transaction. A chunk that copies
// another one is kept but not indexed, and takes its place when that one leaves.
#pragma once
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "knowledge/chunker.h"
#include "knowledge/database.h"

namespace weir {

// A chunk with what is computed from it alone, so that many threads can.
struct PreparedChunk {
  Chunk chunk;
  std::string head_words, body_words;  // index_text()
  uint64_t similarity = 0;
};
struct PreparedDocument {
  std::string name, title, language;
  std::vector<PreparedChunk> chunks;
};
PreparedDocument prepare_document(const Document& document, const ChunkOptions& options);

struct StoredFile {
  int64_t id = 0;
  std::string path, hash, labels;
};

struct BaseCounts {
  int64_t files = 0, documents = 0, chunks = 0, copies = 0, vectors = 0, boilerplate_lines = 0;
};

// Labels as they are stored: sorted, each once, between commas; "": none. A label is up to 64
// letters, digits, _ and -.
Result<std::string> labels_text(std::vector<std::string> labels);

class KnowledgeBase {
 public:
  // Access::create makes the file where there is none. Errors: a damaged file, another program's, a
  // newer weir's.
  static Result<KnowledgeBase> open(const std::string& path, Database::Access access);

  const Database& database() const { return database_; }
  const std::string& path() const { return database_.path(); }

  Result<std::optional<StoredFile>> file(const std::string& path) const;
  Result<std::vector<StoredFile>> files() const;
  Result<int64_t> add_file(const StoredFile& file) const;
  // With its documents.
  Result<void> remove_file(int64_t file) const;
  Result<void> add_document(int64_t file, const std::string& labels,
                            const PreparedDocument& document) const;

  // Lines that stand in at least 5 documents and in 4 % of all leave their chunks, and those of
  // documents to come. Returns how many lines these are in all.
  Result<int64_t> remove_boilerplate() const;

  // Facts about the whole: the embedding model, the calibration. "": there is none.
  Result<std::string> fact(const std::string& key) const;
  Result<void> set_fact(const std::string& key, const std::string& value) const;

  Result<BaseCounts> counts() const;
  // What is wrong with the file, one sentence each; reads all of it.
  Result<std::vector<std::string>> check() const;

 private:
  explicit KnowledgeBase(Database database) : database_(std::move(database)) {}
  Result<int64_t> copied_chunk(const PreparedChunk& chunk, const std::string& key,
                               const std::string& labels, const std::string& title) const;
  Result<void> add_chunk(int64_t document, int ordinal, const std::string& labels,
                         const std::string& title, const PreparedChunk& chunk) const;
  Result<void> remove_chunk(int64_t chunk) const;
  Result<void> index_chunk(int64_t chunk, bool is_removed) const;
  Result<void> strip_line(int64_t chunk, uint64_t key) const;

  Database database_;
};

}  // namespace weir
