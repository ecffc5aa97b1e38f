#include "knowledge/knowledge_base.h"

#include <fmt/format.h>

#include <algorithm>
#include <bit>

#include "base/file.h"
#include "base/sha256.h"
#include "base/text.h"
#include "knowledge/base_schema.h"
#include "knowledge/near_text.h"
#include "knowledge/words.h"

namespace weir {
namespace {

constexpr size_t kLabelBytesMax = 64;
// A copy under another heading is a copy only if it is long: "name: the name of the object" means
// something else under each command.
constexpr size_t kLongCopyTokens = 120;
constexpr size_t kNearTokensMin = 30;
constexpr int64_t kBoilerplateDocuments = 5, kBoilerplatePercent = 4;

std::string copy_key(const Chunk& chunk, const std::string& labels, const std::string& title) {
  std::string text = labels + '\n';
  if (estimate_tokens(chunk.text) < kLongCopyTokens) text += title + '\n' + chunk.heading + '\n';
  return sha256_hex(text + chunk.text).substr(0, 32);
}

std::string head_of(const std::string& title, const std::string& heading) {
  return heading.starts_with(title) ? heading : title + " > " + heading;
}

}  // namespace

Result<std::string> labels_text(std::vector<std::string> labels) {
  std::ranges::sort(labels);
  labels.erase(std::unique(labels.begin(), labels.end()), labels.end());
  std::string text;
  for (const std::string& label : labels) {
    const bool is_good =
        !label.empty() && label.size() <= kLabelBytesMax && std::ranges::all_of(label, [](char c) {
          return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
                 c == '_' || c == '-';
        });
    if (!is_good)
      return Error{fmt::format("the label '{}' must be 1 to {} letters, digits, _ and -",
                               printable(label), kLabelBytesMax)};
    text += (text.empty() ? "," : "") + label + ",";
  }
  return text;
}

PreparedDocument prepare_document(const Document& document, const ChunkOptions& options) {
  PreparedDocument prepared{document.name, document.title, document.language, {}};
  for (Chunk& chunk : cut_chunks(document, options)) {
    PreparedChunk made;
    made.head_words = index_text(head_of(document.title, chunk.heading));
    made.body_words = index_text(chunk.text);
    made.similarity = similarity_hash(chunk.text);
    made.chunk = std::move(chunk);
    prepared.chunks.push_back(std::move(made));
  }
  return prepared;
}

Result<KnowledgeBase> KnowledgeBase::open(const std::string& path, Database::Access access) {
  if (access != Database::Access::create && !file_exists(path))
    return Error{path + ": there is no such knowledge base; make it with: weir knowledge add"};
  Database database = TRY(Database::open(path, access));
  if (access == Database::Access::create)
    TRY(make_schema(database));
  else
    TRY(check_schema(database));
  return KnowledgeBase(std::move(database));
}

Result<std::optional<StoredFile>> KnowledgeBase::file(const std::string& path) const {
  Statement find = TRY(database_.prepare("SELECT id, hash, labels FROM files WHERE path = ?"));
  find.bind(path);
  if (!TRY(find.step())) return std::optional<StoredFile>();
  return std::optional<StoredFile>({find.integer(0), path, find.text(1), find.text(2)});
}

Result<std::vector<StoredFile>> KnowledgeBase::files() const {
  std::vector<StoredFile> files;
  Statement all = TRY(database_.prepare("SELECT id, path, hash, labels FROM files ORDER BY path"));
  while (TRY(all.step())) files.push_back({all.integer(0), all.text(1), all.text(2), all.text(3)});
  return files;
}

Result<int64_t> KnowledgeBase::add_file(const StoredFile& file) const {
  Statement add = TRY(database_.prepare("INSERT INTO files(path, hash, labels) VALUES(?, ?, ?)"));
  TRY(add.bind(file.path, file.hash, file.labels).run());
  return database_.last_row();
}

Result<void> KnowledgeBase::add_document(int64_t file, const std::string& labels,
                                         const PreparedDocument& document) const {
  Statement add = TRY(database_.prepare(
      "INSERT INTO documents(file, name, title, language, labels) VALUES(?, ?, ?, ?, ?)"));
  TRY(add.bind(file, document.name, document.title, document.language, labels).run());
  const int64_t id = database_.last_row();
  int ordinal = 0;
  for (const PreparedChunk& chunk : document.chunks)
    TRY(add_chunk(id, ordinal++, labels, document.title, chunk));
  return {};
}

// The indexed chunk that this one copies, exactly or nearly; 0: none.
Result<int64_t> KnowledgeBase::copied_chunk(const PreparedChunk& chunk, const std::string& key,
                                            const std::string& labels,
                                            const std::string& title) const {
  Statement equal =
      TRY(database_.prepare("SELECT id FROM chunks WHERE key = ? AND copy_of IS NULL LIMIT 1"));
  equal.bind(key);
  if (TRY(equal.step())) return equal.integer(0);
  const size_t tokens = estimate_tokens(chunk.chunk.text);
  if (tokens < kNearTokensMin) return int64_t(0);
  Statement near = TRY(database_.prepare(
      "SELECT c.id, c.similarity, c.text, c.heading, d.title FROM chunks c JOIN documents d ON "
      "d.id = c.document WHERE (band0 = ? OR band1 = ? OR band2 = ? OR band3 = ?) AND copy_of IS "
      "NULL AND d.labels = ? LIMIT 200"));
  const std::array<int64_t, 4> bands = similarity_bands(chunk.similarity);
  near.bind(bands[0], bands[1], bands[2], bands[3], labels);
  while (TRY(near.step())) {
    if (std::popcount(uint64_t(near.integer(1)) ^ chunk.similarity) > kNearBits) continue;
    const bool same_place = near.text(3) == chunk.chunk.heading && near.text(4) == title;
    if (!same_place && tokens < kLongCopyTokens) continue;
    if (is_near_copy(near.text(2), chunk.chunk.text)) return near.integer(0);
  }
  return int64_t(0);
}

Result<void> KnowledgeBase::add_chunk(int64_t document, int ordinal, const std::string& labels,
                                      const std::string& title, const PreparedChunk& chunk) const {
  const std::string key = copy_key(chunk.chunk, labels, title);
  const int64_t copied = TRY(copied_chunk(chunk, key, labels, title));
  Statement add = TRY(database_.prepare(
      "INSERT INTO chunks(document, ordinal, page, last_page, heading, text, key, similarity, "
      "band0, band1, band2, band3, copy_of) VALUES(?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, "
      "nullif(?, 0))"));
  const std::array<int64_t, 4> bands = similarity_bands(chunk.similarity);
  TRY(add.bind(document, ordinal, chunk.chunk.page, chunk.chunk.last_page, chunk.chunk.heading,
               chunk.chunk.text, key, chunk.similarity, bands[0], bands[1], bands[2], bands[3],
               copied)
          .run());
  const int64_t id = database_.last_row();
  std::vector<uint64_t> boilerplate;
  if (!chunk.chunk.lines.empty()) {
    Statement known = TRY(database_.prepare("SELECT 1 FROM boilerplate WHERE key = ?"));
    Statement line = TRY(database_.prepare("INSERT OR IGNORE INTO lines VALUES(?, ?)"));
    for (uint64_t of_line : chunk.chunk.lines) {
      TRY(line.bind(of_line, id).run());
      known.bind(of_line);
      if (TRY(known.step())) boilerplate.push_back(of_line);
    }
  }
  if (copied == 0) {
    Statement words =
        TRY(database_.prepare("INSERT INTO words(rowid, head, body) VALUES(?, ?, ?)"));
    TRY(words.bind(id, chunk.head_words, chunk.body_words).run());
  }
  for (uint64_t of_line : boilerplate) TRY(strip_line(id, of_line));
  return {};
}

// The index keeps no texts: what it forgets has to be given as it was added.
Result<void> KnowledgeBase::index_chunk(int64_t chunk, bool is_removed) const {
  Statement find = TRY(database_.prepare(
      "SELECT d.title, c.heading, c.text FROM chunks c JOIN documents d ON d.id = c.document "
      "WHERE c.id = ?"));
  find.bind(chunk);
  if (!TRY(find.step())) return {};
  const std::string head = index_text(head_of(find.text(0), find.text(1)));
  const std::string body = index_text(find.text(2));
  Statement words = TRY(database_.prepare(
      is_removed ? "INSERT INTO words(words, rowid, head, body) VALUES('delete', ?, ?, ?)"
                 : "INSERT INTO words(rowid, head, body) VALUES(?, ?, ?)"));
  return words.bind(chunk, head, body).run();
}

Result<void> KnowledgeBase::remove_chunk(int64_t chunk) const {
  const auto run = [&](const char* sql, const auto&... values) -> Result<void> {
    Statement statement = TRY(database_.prepare(sql));
    return statement.bind(values...).run();
  };
  Statement find = TRY(database_.prepare("SELECT copy_of IS NULL FROM chunks WHERE id = ?"));
  find.bind(chunk);
  if (!TRY(find.step())) return {};
  if (find.integer(0)) {
    TRY(index_chunk(chunk, true));
    Statement heir = TRY(database_.prepare("SELECT min(id) FROM chunks WHERE copy_of = ?"));
    heir.bind(chunk);
    const int64_t next = TRY(heir.step()) ? heir.integer(0) : 0;
    if (next > 0) {
      TRY(run("UPDATE chunks SET copy_of = NULL WHERE id = ?", next));
      TRY(run("UPDATE chunks SET copy_of = ? WHERE copy_of = ?", next, chunk));
      TRY(run("UPDATE vectors SET chunk = ? WHERE chunk = ?", next, chunk));
      TRY(index_chunk(next, false));
    } else {
      TRY(run("DELETE FROM vectors WHERE chunk = ?", chunk));
    }
  }
  TRY(run("DELETE FROM lines WHERE chunk = ?", chunk));
  return run("DELETE FROM chunks WHERE id = ?", chunk);
}

Result<void> KnowledgeBase::remove_file(int64_t file) const {
  std::vector<int64_t> chunks;
  Statement find = TRY(database_.prepare(
      "SELECT c.id FROM chunks c JOIN documents d ON d.id = c.document WHERE d.file = ?"));
  find.bind(file);
  while (TRY(find.step())) chunks.push_back(find.integer(0));
  for (int64_t chunk : chunks) TRY(remove_chunk(chunk));
  Statement documents = TRY(database_.prepare("DELETE FROM documents WHERE file = ?"));
  TRY(documents.bind(file).run());
  Statement files = TRY(database_.prepare("DELETE FROM files WHERE id = ?"));
  return files.bind(file).run();
}

Result<void> KnowledgeBase::strip_line(int64_t chunk, uint64_t key) const {
  Statement find = TRY(database_.prepare("SELECT text, copy_of IS NULL FROM chunks WHERE id = ?"));
  find.bind(chunk);
  if (!TRY(find.step())) return {};
  const std::string old = find.text(0);
  const bool is_indexed = find.integer(1) != 0;
  std::string text;
  for (const std::string& line : split(old, '\n'))
    if (boilerplate_key(line) != key) text += line + "\n";
  Statement forget = TRY(database_.prepare("DELETE FROM lines WHERE key = ? AND chunk = ?"));
  if (trim(text).empty()) return remove_chunk(chunk);
  text = std::string(trim(text));
  if (is_indexed) TRY(index_chunk(chunk, true));
  Statement change = TRY(database_.prepare("UPDATE chunks SET text = ? WHERE id = ?"));
  TRY(change.bind(text, chunk).run());
  Statement vector = TRY(database_.prepare("DELETE FROM vectors WHERE chunk = ?"));
  TRY(vector.bind(chunk).run());
  if (is_indexed) TRY(index_chunk(chunk, false));
  return forget.bind(key, chunk).run();
}

Result<int64_t> KnowledgeBase::remove_boilerplate() const {
  const int64_t documents = TRY(database_.integer("SELECT count(*) FROM documents"));
  const int64_t least =
      std::max(kBoilerplateDocuments, (documents * kBoilerplatePercent + 99) / 100);
  std::vector<std::pair<int64_t, uint64_t>> places;  // chunk, line
  Statement find = TRY(database_.prepare(
      "SELECT chunk, key FROM lines WHERE key IN (SELECT l.key FROM lines l JOIN chunks c ON "
      "c.id = l.chunk GROUP BY l.key HAVING count(DISTINCT c.document) >= ?)"));
  find.bind(least);
  while (TRY(find.step())) places.emplace_back(find.integer(0), uint64_t(find.integer(1)));
  Statement note = TRY(database_.prepare("INSERT OR IGNORE INTO boilerplate VALUES(?)"));
  for (const auto& [chunk, key] : places) {
    TRY(note.bind(key).run());
    TRY(strip_line(chunk, key));
  }
  return database_.integer("SELECT count(*) FROM boilerplate");
}

Result<std::string> KnowledgeBase::fact(const std::string& key) const {
  Statement find = TRY(database_.prepare("SELECT value FROM facts WHERE key = ?"));
  find.bind(key);
  return TRY(find.step()) ? find.text(0) : std::string();
}

Result<void> KnowledgeBase::set_fact(const std::string& key, const std::string& value) const {
  Statement set = TRY(database_.prepare("INSERT OR REPLACE INTO facts VALUES(?, ?)"));
  return set.bind(key, value).run();
}

Result<BaseCounts> KnowledgeBase::counts() const {
  BaseCounts counts;
  counts.files = TRY(database_.integer("SELECT count(*) FROM files"));
  counts.documents = TRY(database_.integer("SELECT count(*) FROM documents"));
  counts.chunks = TRY(database_.integer("SELECT count(*) FROM chunks WHERE copy_of IS NULL"));
  counts.copies = TRY(database_.integer("SELECT count(*) FROM chunks WHERE copy_of IS NOT NULL"));
  counts.vectors = TRY(database_.integer("SELECT count(*) FROM vectors"));
  counts.boilerplate_lines = TRY(database_.integer("SELECT count(*) FROM boilerplate"));
  return counts;
}

Result<std::vector<std::string>> KnowledgeBase::check() const {
  std::vector<std::string> wrong;
  Statement whole = TRY(database_.prepare("PRAGMA integrity_check(10)"));
  while (TRY(whole.step()))
    if (whole.text(0) != "ok") wrong.push_back(whole.text(0));
  const auto expect_none = [&](const char* what, const char* sql) -> Result<void> {
    const int64_t count = TRY(database_.integer(sql));
    if (count > 0) wrong.push_back(fmt::format("{} {}", count, what));
    return {};
  };
  TRY(expect_none("chunks lack their document",
                  "SELECT count(*) FROM chunks WHERE document NOT IN (SELECT id FROM documents)"));
  TRY(expect_none("documents lack their file",
                  "SELECT count(*) FROM documents WHERE file NOT IN (SELECT id FROM files)"));
  TRY(expect_none("copies lack their chunk",
                  "SELECT count(*) FROM chunks WHERE copy_of NOT IN (SELECT id FROM chunks WHERE "
                  "copy_of IS NULL)"));
  TRY(expect_none("chunks are not in the index of words",
                  "SELECT count(*) FROM chunks WHERE copy_of IS NULL AND id NOT IN (SELECT rowid "
                  "FROM words)"));
  TRY(expect_none("entries of the index of words lack their chunk",
                  "SELECT count(*) FROM words WHERE rowid NOT IN (SELECT id FROM chunks WHERE "
                  "copy_of IS NULL)"));
  TRY(expect_none("vectors lack their chunk",
                  "SELECT count(*) FROM vectors WHERE chunk NOT IN (SELECT id FROM chunks WHERE "
                  "copy_of IS NULL)"));
  return wrong;
}

}  // namespace weir
