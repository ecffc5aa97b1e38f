#include "tasks/file_kind.h"

#include <fmt/format.h>

#include "base/text.h"

namespace weir {
namespace {

using namespace std::string_view_literals;

struct Magic {
  std::string_view bytes;
  const char *name, *remedy;
};
constexpr const char* kPandas =
    "convert it with Python: import pandas; pandas.{}('{}').to_json('rows.jsonl', "
    "orient='records', lines=True)";
constexpr Magic kMagics[] = {
    {"PAR1"sv, "a Parquet file", "read_parquet"},
    {"ARROW1"sv, "an Arrow file", "read_feather"},
    {"\x1f\x8b"sv, "packed with gzip", "gunzip"},
    {"\x28\xb5\x2f\xfd"sv, "packed with zstd", "zstd -d"},
    {"\xfd"
     "7zXZ"sv,
     "packed with xz", "unxz"},
    {"BZh"sv, "packed with bzip2", "bunzip2"},
    {"PK\x03\x04"sv, "a ZIP archive or a spreadsheet", nullptr},
    {"SQLite format 3"sv, "an SQLite database", nullptr},
    {"GGUF"sv, "a model", nullptr},
    {"version https://git-lfs"sv, "a Git LFS pointer, not the data: fetch it with git lfs pull",
     ""},
    {"<!DOCTYPE"sv, "a web page: download the file itself", ""},
    {"<html"sv, "a web page: download the file itself", ""},
};

bool contains(std::string_view text, std::string_view part) { return text.find(part) != text.npos; }

}  // namespace

std::string other_file_kind(std::string_view bytes, const std::string& path) {
  for (const Magic& magic : kMagics) {
    if (!bytes.starts_with(magic.bytes)) continue;
    std::string text = magic.name;
    if (magic.remedy == nullptr) return text + "; rows are JSON lines or one JSON array";
    const std::string_view remedy = magic.remedy;
    if (remedy.starts_with("read_"))
      text += "; " + fmt::format(fmt::runtime(kPandas), remedy, printable(path, 400));
    else if (!remedy.empty())
      text += fmt::format("; unpack it: {} '{}'", remedy, printable(path, 400));
    return text;
  }
  return "";
}

std::string bad_line_hint(std::string_view line, const std::string& error, bool is_first,
                          bool is_last) {
  if (contains(line, "\r"))
    return "; the lines end with CR alone: tr '\\r' '\\n' < FILE > rows.jsonl";
  const bool is_table = contains(line, ",") || contains(line, "\t");
  if (!line.starts_with('{') && is_first && is_table && !contains(line, "{"))
    return fmt::format(
        "; if it is a table, convert it with Python: import pandas; "
        "pandas.read_csv(FILE{}).to_json('rows.jsonl', orient='records', lines=True)",
        contains(line, ",") ? "" : ", sep='\\t'");
  if (!line.starts_with('{') && is_first)
    return fmt::format(
        "; the file begins with '{}', but rows are one JSON object a line, or one "
        "array of objects",
        printable(line, 40));
  if (line.starts_with("{'")) return "; JSON has double quotes: write rows with json.dumps";
  const bool is_cut =
      contains(error, "unexpected end of input") || contains(error, "missing closing quote");
  if (is_cut && is_last && !is_first) return "; the file may have been cut short";
  if (is_cut)
    return "; each object must stand on one line: jq -c . FILE > rows.jsonl, or jq -c '.KEY[]' "
           "where a key of it holds the list of rows";
  if (contains(line, "NaN") || contains(line, "Infinity"))
    return "; JSON has no NaN and no Infinity: write null";
  if (contains(line, ": True") || contains(line, ": False") || contains(line, ": None"))
    return "; JSON writes true, false and null: write rows with json.dumps";
  if (line.ends_with("},"))
    return "; rows have no comma behind them, unless they stand in an array";
  return "";
}

}  // namespace weir
