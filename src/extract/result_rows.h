// The results of an extraction, one JSON line a document, in a file that a later run continues.
#pragma once
#include <map>
#include <string>
#include <vector>

#include "base/json.h"
#include "base/result.h"
#include "extract/extraction.h"

namespace weir {

class ResultRows {
 public:
  // `path` may not exist yet; "" keeps rows in memory alone. `schema_hash` names the form. The line
  // that a killed process left half-written is removed, and so are rows of documents that failed:
  // they are tried again. Errors: a line that is no row, rows of another form.
  static Result<ResultRows> open(const std::string& path, const std::string& schema_hash);

  bool is_done(const std::string& document, const std::string& hash) const;
  // A row of the same text under any name; null.
  const Json* find(const std::string& hash) const;
  // Appends to the file and syncs it.
  Result<void> add(Json row);
  const std::vector<Json>& rows() const { return rows_; }

 private:
  std::string path_;
  std::vector<Json> rows_;
  std::map<std::string, size_t> by_hash_;       // the first of each
  std::map<std::string, std::string> hash_of_;  // of each document
};

Json result_row(const Document& document, const std::string& hash, const std::string& schema_hash,
                const Extraction& extraction);
Json failed_row(const Document& document, const std::string& hash, const std::string& schema_hash,
                const std::string& error);

// "document", a column for each field ("seller.name"; lists as JSON), the paths that are
// unsupported, refused and contested, and "error". Texts that a spreadsheet would take for a
// formula get an apostrophe in front.
std::string csv_of_rows(const std::vector<Json>& rows);

}  // namespace weir
