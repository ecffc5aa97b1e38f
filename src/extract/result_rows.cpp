#include "extract/result_rows.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

#include "base/atomic_output.h"
#include "base/file.h"
#include "base/text.h"

namespace weir {
namespace {

constexpr size_t kBytesMax = size_t(1) << 30;

Result<void> append_line(const std::string& path, const std::string& line) {
  const int file = ::open(path.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0644);
  if (file < 0) return Error{path + ": cannot be written: " + std::strerror(errno)};
  size_t done = 0;
  while (done < line.size()) {
    const ssize_t count = ::write(file, line.data() + done, line.size() - done);
    if (count < 0 && errno == EINTR) continue;
    if (count <= 0) break;
    done += size_t(count);
  }
  const bool is_written = done == line.size() && fsync(file) == 0;
  const int reason = errno;
  ::close(file);
  if (!is_written) return Error{path + ": cannot be written: " + std::strerror(reason)};
  return {};
}

void add_cells(const std::string& path, const Json& value,
               std::vector<std::pair<std::string, std::string>>& cells) {
  if (value.is_object()) {
    for (const auto& [key, member] : value.members())
      add_cells(path.empty() ? key : path + "." + key, member, cells);
  } else {
    cells.emplace_back(path, value.is_string() ? value.text()
                             : value.is_null() ? ""
                                               : value.dump());
  }
}

std::string csv_cell(const std::string& text) {
  std::string cell = text;
  const bool is_formula =
      !cell.empty() && std::string_view("=+-@\t").find(cell[0]) != std::string::npos;
  if (is_formula && !parse_double(cell)) cell.insert(0, "'");
  if (cell.find_first_of(",\"\n\r") == cell.npos) return cell;
  std::string quoted = "\"";
  for (const char c : cell) quoted += c == '"' ? "\"\"" : std::string(1, c);
  return quoted + '"';
}

}  // namespace

Result<ResultRows> ResultRows::open(const std::string& path, const std::string& schema_hash) {
  ResultRows results;
  results.path_ = path;
  if (path.empty() || !file_exists(path)) return results;
  const std::string bytes = TRY(read_file(path, kBytesMax));
  std::string kept;
  size_t number = 0;
  for (size_t at = 0; at < bytes.size();) {
    const size_t end = bytes.find('\n', at);
    if (end == bytes.npos) break;  // half-written
    const std::string_view line(bytes.data() + at, end - at);
    at = end + 1;
    ++number;
    const std::string place = path + ":" + std::to_string(number);
    Json row = TRY_IN(place, parse_json(line));
    if (row.text_at("document").empty() || row.text_at("sha256").empty())
      return Error{place + ": is no row of weir extract; choose another --out"};
    if (row.text_at("schema") != schema_hash)
      return Error{place +
                   ": was made with another form; choose another --out, or remove the file"};
    if (row.find("error")) continue;
    kept.append(line).append("\n");
    results.by_hash_.emplace(row.text_at("sha256"), results.rows_.size());
    results.hash_of_[row.text_at("document")] = row.text_at("sha256");
    results.rows_.push_back(std::move(row));
  }
  if (kept != bytes) TRY(write_file_atomic(path, kept));
  return results;
}

bool ResultRows::is_done(const std::string& document, const std::string& hash) const {
  const auto found = hash_of_.find(document);
  return found != hash_of_.end() && found->second == hash;
}

const Json* ResultRows::find(const std::string& hash) const {
  const auto found = by_hash_.find(hash);
  return found == by_hash_.end() ? nullptr : &rows_[found->second];
}

Result<void> ResultRows::add(Json row) {
  if (!path_.empty()) TRY(append_line(path_, row.dump() + "\n"));
  if (!row.find("error")) {
    by_hash_.emplace(row.text_at("sha256"), rows_.size());
    hash_of_[row.text_at("document")] = row.text_at("sha256");
  }
  rows_.push_back(std::move(row));
  return {};
}

Json result_row(const Document& document, const std::string& hash, const std::string& schema_hash,
                const Extraction& extraction) {
  Json row = Json::object();
  row.set("document", document.name);
  row.set("sha256", hash);
  row.set("schema", schema_hash);
  row.set("fields", extraction.fields);
  row.set("sources", extraction.sources);
  Json unsupported = Json::array();
  for (const std::string& path : extraction.unsupported) unsupported.push(path);
  row.set("unsupported", std::move(unsupported));
  if (extraction.refused.size() > 0) row.set("refused", extraction.refused);
  if (extraction.contested.size() > 0) row.set("contested", extraction.contested);
  if (!extraction.withheld.empty()) {
    Json withheld = Json::array();
    for (const WithheldText& text : extraction.withheld) {
      Json one = Json::object();
      one.set("text", text.text);
      if (text.page > 0) one.set("page", text.page);
      withheld.push(std::move(one));
    }
    row.set("withheld", std::move(withheld));
  }
  row.set("parts", extraction.windows);
  if (!document.notes.empty()) {
    Json notes = Json::array();
    for (const std::string& note : document.notes) notes.push(note);
    row.set("notes", std::move(notes));
  }
  return row;
}

Json failed_row(const Document& document, const std::string& hash, const std::string& schema_hash,
                const std::string& error) {
  Json row = Json::object();
  row.set("document", document.name);
  row.set("sha256", hash);
  row.set("schema", schema_hash);
  row.set("error", error);
  return row;
}

std::string csv_of_rows(const std::vector<Json>& rows) {
  std::vector<std::string> columns;
  std::vector<std::vector<std::pair<std::string, std::string>>> cells(rows.size());
  for (size_t i = 0; i < rows.size(); ++i) {
    if (const Json* fields = rows[i].find("fields")) add_cells("", *fields, cells[i]);
    for (const auto& [column, text] : cells[i])
      if (std::ranges::find(columns, column) == columns.end()) columns.push_back(column);
  }
  std::string csv = "document";
  for (const std::string& column : columns) csv += "," + csv_cell(column);
  csv += ",unsupported,refused,contested,error\r\n";
  for (size_t i = 0; i < rows.size(); ++i) {
    csv += csv_cell(rows[i].text_at("document"));
    for (const std::string& column : columns) {
      const auto found =
          std::ranges::find(cells[i], column, &std::pair<std::string, std::string>::first);
      csv += "," + (found == cells[i].end() ? "" : csv_cell(found->second));
    }
    std::string unsupported;
    if (const Json* paths = rows[i].find("unsupported"))
      for (const Json& path : paths->items())
        unsupported += (unsupported.empty() ? "" : " ") + path.text();
    csv += "," + csv_cell(unsupported);
    for (const char* key : {"refused", "contested"}) {
      std::string paths;
      if (const Json* found = rows[i].find(key))
        for (const auto& [path, what] : found->members())
          paths += (paths.empty() ? "" : " ") + path;
      csv += "," + csv_cell(paths);
    }
    csv += "," + csv_cell(rows[i].text_at("error")) + "\r\n";
  }
  return csv;
}

}  // namespace weir
