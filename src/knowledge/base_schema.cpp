#include "knowledge/base_schema.h"

#include <fmt/format.h>

namespace weir {
namespace {

constexpr int64_t kApplication = 0x77656972;  // "weir"
constexpr int64_t kVersion = 1;

// words: the text itself lies in chunks. Its words are folded and stemmed before they enter
// (words.h), so that the tokenizer only cuts at blanks: to `ascii` every byte from 0x80 belongs to
// a word.
constexpr const char* kTables = R"(
CREATE TABLE facts(key TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE files(id INTEGER PRIMARY KEY, path TEXT NOT NULL UNIQUE, hash TEXT NOT NULL,
  labels TEXT NOT NULL);
CREATE TABLE documents(id INTEGER PRIMARY KEY, file INTEGER NOT NULL, name TEXT NOT NULL,
  title TEXT NOT NULL, language TEXT NOT NULL, labels TEXT NOT NULL);
CREATE INDEX documents_file ON documents(file);
CREATE TABLE chunks(id INTEGER PRIMARY KEY, document INTEGER NOT NULL, ordinal INTEGER NOT NULL,
  page INTEGER NOT NULL, last_page INTEGER NOT NULL, heading TEXT NOT NULL, text TEXT NOT NULL,
  key TEXT NOT NULL, similarity INTEGER NOT NULL, band0 INTEGER NOT NULL, band1 INTEGER NOT NULL,
  band2 INTEGER NOT NULL, band3 INTEGER NOT NULL, copy_of INTEGER);
CREATE INDEX chunks_document ON chunks(document, ordinal);
CREATE INDEX chunks_key ON chunks(key);
CREATE INDEX chunks_band0 ON chunks(band0);
CREATE INDEX chunks_band1 ON chunks(band1);
CREATE INDEX chunks_band2 ON chunks(band2);
CREATE INDEX chunks_band3 ON chunks(band3);
CREATE INDEX chunks_copy ON chunks(copy_of) WHERE copy_of IS NOT NULL;
CREATE TABLE lines(key INTEGER, chunk INTEGER, PRIMARY KEY(key, chunk)) WITHOUT ROWID;
CREATE INDEX lines_chunk ON lines(chunk);
CREATE TABLE boilerplate(key INTEGER PRIMARY KEY);
CREATE VIRTUAL TABLE words USING fts5(head, body, content='', tokenize="ascii tokenchars '_.-'");
CREATE VIRTUAL TABLE vocabulary USING fts5vocab(words, 'row');
CREATE TABLE vectors(chunk INTEGER PRIMARY KEY, scale REAL NOT NULL, codes BLOB NOT NULL);
CREATE TABLE questions(id INTEGER PRIMARY KEY, asked INTEGER NOT NULL, question TEXT NOT NULL,
  reason TEXT NOT NULL, conversation TEXT NOT NULL);
)";

}  // namespace

Result<void> make_schema(const Database& database) {
  Transaction transaction = TRY(Transaction::begin(database));
  if (TRY(database.integer("SELECT count(*) FROM sqlite_schema")) > 0)
    return check_schema(database);
  TRY(database.execute(kTables));
  TRY(database.execute(
      fmt::format("PRAGMA application_id = {}; PRAGMA user_version = {}", kApplication, kVersion)
          .c_str()));
  return transaction.commit();
}

Result<void> check_schema(const Database& database) {
  if (TRY(database.integer("PRAGMA application_id")) != kApplication)
    return Error{database.path() + ": is no knowledge base of weir; give another file"};
  const int64_t version = TRY(database.integer("PRAGMA user_version"));
  if (version != kVersion)
    return Error{fmt::format("{}: has version {} of the format, and this weir reads version {}; {}",
                             database.path(), version, kVersion,
                             version > kVersion ? "use a newer weir" : "add the documents again")};
  return {};
}

}  // namespace weir
