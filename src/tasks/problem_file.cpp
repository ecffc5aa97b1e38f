#include "tasks/problem_file.h"

#include <fmt/format.h>

#include <algorithm>
#include <optional>

#include "base/encoding.h"
#include "base/text.h"
#include "tasks/file_kind.h"
#include "text/unicode.h"

namespace weir {
namespace {

constexpr JsonLimits kRowLimits{.depth = 32, .bytes = kProblemRowMax, .values = 100'000};
constexpr std::string_view kByteOrderMark = "\xef\xbb\xbf";
constexpr size_t kDifferentMax = 20;  // of RowCounts

constexpr ProblemRowFormat kFormats[] = {ProblemRowFormat::messages, ProblemRowFormat::sharegpt,
                                         ProblemRowFormat::alpaca,   ProblemRowFormat::qa,
                                         ProblemRowFormat::prompt,   ProblemRowFormat::preference};

// Rows one after another into a ProblemFile. As JsonElements it takes those of an array.
class Reader final : public JsonElements {
 public:
  Reader(const std::string& path, const ProblemFileOptions& options)
      : path_(path), options_(options) {
    for (ProblemRowFormat known : kFormats)
      if (options.format == row_format_name(known)) format_ = known;
  }

  Result<void> take(Json row) override {
    return add(row, fmt::format("{}: row {}", path_, file_.rows + 1));
  }

  // `place` names the row in messages.
  Result<void> add(const Json& row, const std::string& place) {
    TRY(count_row(place));
    if (!row.is_object()) return refuse(place, "a row must be a JSON object");
    const Result<ProblemRowFormat> format = format_ ? *format_ : find_row_format(row);
    if (!format) return refuse(place, format.error().message);
    Result<ProblemRow> read = read_problem_row(row, *format);
    if (!read) return refuse(place, read.error().message);
    for (const std::string& what : read->notes) file_.notes.add(what, place);
    for (const std::string& key : read->unread) file_.unread.add(key, place);
    if (!read->left_out.empty()) {
      file_.left_out.add(read->left_out, place);
      return {};
    }
    if (file_.problems.empty()) file_.format = *format;
    read->problem.place = place;
    file_.problems.push_back(std::move(read->problem));
    return {};
  }

  // A line that is no JSON.
  Result<void> add_broken(const std::string& place, const std::string& why) {
    TRY(count_row(place));
    return refuse(place, why);
  }

  bool is_empty() const { return file_.rows == 0; }

  Result<ProblemFile> finish() {
    if (file_.rows == 0) return Error{path_ + ": there are no rows in it"};
    if (file_.problems.empty())
      return Error{fmt::format("none of the {} rows of {} can be used: {}", file_.rows, path_,
                               file_.left_out.text())};
    return std::move(file_);
  }

 private:
  Result<void> count_row(const std::string& place) {
    if (++file_.rows <= kProblemRowsMax) return {};
    return Error{
        fmt::format("{}: more than {} rows; cut the file into parts", place, kProblemRowsMax)};
  }

  // Broken: an error, or left out by the user's wish.
  Result<void> refuse(const std::string& place, const std::string& why) {
    if (options_.skip_bad_rows) {
      file_.left_out.add("broken: " + why, place);
      return {};
    }
    // The first row stands for a file of another kind more often than for one bad row.
    if (file_.rows == 1) return Error{place + ": " + why};
    return Error{place + ": " + why + "; correct the row, or set skip_bad_rows: true"};
  }

  const std::string& path_;
  const ProblemFileOptions& options_;
  std::optional<ProblemRowFormat> format_;
  ProblemFile file_;
};

// Why a line is no row. `bytes`: the whole file.
std::string broken_line(std::string_view line, const std::string& error, std::string_view bytes,
                        const std::string& path, bool is_first, bool is_last) {
  if (first_invalid_utf8(line) != line.npos || line.find('\0') != line.npos)
    if (const std::string encoding = foreign_encoding(bytes, path); !encoding.empty())
      return encoding;
  return fmt::format("not a JSON object ({}){}", error,
                     bad_line_hint(line, error, is_first, is_last));
}

Result<void> read_lines(std::string_view bytes, const std::string& path, Reader& reader) {
  std::string_view rest = bytes;
  for (size_t number = 1; !rest.empty(); ++number) {
    const size_t end = std::min(rest.find('\n'), rest.size());
    std::string_view line = trim(rest.substr(0, end));
    rest.remove_prefix(std::min(end + 1, rest.size()));
    if (line.starts_with(kByteOrderMark)) line.remove_prefix(kByteOrderMark.size());
    if (line.empty()) continue;
    const std::string place = fmt::format("{}:{}", path, number);
    if (line.size() > kProblemRowMax) {
      TRY(reader.add_broken(place,
                            "the line is longer than " + format_bytes(double(kProblemRowMax))));
      continue;
    }
    Result<Json> row = parse_json(line, kRowLimits);
    if (row)
      TRY(reader.add(*row, place));
    else
      TRY(reader.add_broken(place, broken_line(line, row.error().message, bytes, path,
                                               reader.is_empty(), trim(rest).empty())));
  }
  return {};
}

Result<void> read_array(std::string_view bytes, const std::string& path, Reader& reader) {
  Result<void> read = parse_json_array(bytes, kRowLimits, reader);
  if (read || read.error().message.starts_with(path + ": row ")) return read;
  if (first_invalid_utf8(bytes) != bytes.npos || bytes.find('\0') != bytes.npos)
    if (const std::string encoding = foreign_encoding(bytes, path); !encoding.empty())
      return Error{path + ": " + encoding};
  const bool is_cut = read.error().message.find("unexpected end of input") != std::string::npos;
  return Error{fmt::format(
      "{}: {}; {}", path, read.error().message,
      is_cut ? "the file may have been cut short"
             : "written as JSON lines, one object a line, it can be read past a broken row")};
}

}  // namespace

void RowCounts::add(const std::string& what, const std::string& place) {
  ++rows_;
  for (RowCount& known : list_)
    if (known.what == what) return void(++known.rows);
  if (list_.size() < kDifferentMax) {
    list_.push_back({what, 1, place});
  } else if (list_.size() == kDifferentMax) {
    list_.push_back({"others", 1, place});
  } else {
    ++list_.back().rows;
  }
}

std::string RowCounts::text() const {
  std::string text;
  for (const RowCount& count : list_)
    text += fmt::format("{}{} ({})", text.empty() ? "" : "; ", count.what,
                        count.rows == 1
                            ? count.first
                            : fmt::format("{} rows, the first {}", count.rows, count.first));
  return text;
}

const char* row_format_name(ProblemRowFormat format) {
  switch (format) {
    case ProblemRowFormat::messages:
      return "messages";
    case ProblemRowFormat::sharegpt:
      return "sharegpt";
    case ProblemRowFormat::alpaca:
      return "alpaca";
    case ProblemRowFormat::qa:
      return "qa";
    case ProblemRowFormat::prompt:
      return "prompt";
    case ProblemRowFormat::preference:
      return "preference";
  }
  return "";
}

std::vector<std::string> row_format_names() {
  std::vector<std::string> names;
  for (ProblemRowFormat format : kFormats) names.emplace_back(row_format_name(format));
  return names;
}

Result<ProblemFile> parse_problem_file(std::string_view bytes, const std::string& path,
                                       const ProblemFileOptions& options) {
  if (bytes.size() > kProblemFileMax)
    return Error{fmt::format("{}: larger than {}; cut it into parts", path,
                             format_bytes(double(kProblemFileMax)))};
  if (bytes.starts_with(kByteOrderMark)) bytes.remove_prefix(kByteOrderMark.size());
  if (const std::string kind = other_file_kind(bytes, path); !kind.empty())
    return Error{path + ": " + kind};
  Reader reader(path, options);
  if (trim(bytes).starts_with('['))
    TRY(read_array(trim(bytes), path, reader));
  else
    TRY(read_lines(bytes, path, reader));
  return reader.finish();
}

std::string guess_language(std::string_view text) {
  size_t latin = 0, chinese = 0, other = 0;
  for (size_t at = 0; at < text.size();) {
    const Utf8Character character = decode_utf8(text, at);
    at += size_t(character.bytes);
    const char32_t code = character.code;
    if ((code >= 'a' && code <= 'z') || (code >= 'A' && code <= 'Z')) {
      ++latin;
    } else if (code >= 0x4e00 && code <= 0x9fff) {
      ++chinese;
    } else if (code >= 0xc0 && code != 0xd7 && code != 0xf7 && (code < 0x2000 || code > 0x303f) &&
               code < 0xff00) {
      ++other;  // accented letters, Greek, Cyrillic, kana, hangul ...
    }
  }
  // A Chinese character is about as much as a short word.
  const size_t english_words = latin / 4;
  if (other > english_words + chinese) return "";
  if (chinese > english_words) return other * 10 > chinese ? "" : "zh";
  return latin > 0 && other * 10 <= latin ? "en" : "";
}

}  // namespace weir
