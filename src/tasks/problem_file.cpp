#include "tasks/problem_file.h"

#include <fmt/format.h>

#include <algorithm>
#include <optional>

#include "base/file.h"
#include "base/text.h"
#include "text/unicode.h"

namespace weir {
namespace {

constexpr JsonLimits kRowLimits{.depth = 32, .bytes = kProblemLineMax, .values = 100'000};
constexpr JsonLimits kArrayLimits{.depth = 33, .bytes = kProblemFileMax};
constexpr std::string_view kByteOrderMark = "\xef\xbb\xbf";

constexpr RowFormat kFormats[] = {RowFormat::messages, RowFormat::sharegpt, RowFormat::alpaca,
                                  RowFormat::qa, RowFormat::preference};

// Rows one after another into a ProblemFile.
class Reader {
 public:
  explicit Reader(std::optional<RowFormat> format) : format_(format) {}

  // `place` names the row in messages.
  Result<void> add(const Json& row, const std::string& place) {
    if (!row.is_object()) return Error{place + ": a row must be a JSON object"};
    if (++file_.rows > kProblemRowsMax)
      return Error{
          fmt::format("{}: more than {} rows; cut the file into parts", place, kProblemRowsMax)};
    if (!format_) format_ = TRY_IN(place, find_row_format(row));
    ProblemRow read = TRY_IN(place, read_problem_row(row, *format_));
    if (read.left_out.empty()) {
      read.problem.place = place;
      file_.problems.push_back(std::move(read.problem));
    } else if (file_.left_out++ == 0) {
      file_.first_left_out = place + ": " + read.left_out;
    }
    return {};
  }

  Result<ProblemFile> finish(const std::string& path) {
    if (file_.rows == 0) return Error{path + ": there are no rows in it"};
    if (file_.problems.empty())
      return Error{fmt::format("none of the {} rows of {} can be used: {}", file_.rows, path,
                               file_.first_left_out)};
    file_.format = *format_;
    return std::move(file_);
  }

 private:
  std::optional<RowFormat> format_;
  ProblemFile file_;
};

Result<void> read_lines(std::string_view bytes, const std::string& path, Reader& reader) {
  for (size_t number = 1; !bytes.empty(); ++number) {
    const size_t end = std::min(bytes.find('\n'), bytes.size());
    const std::string_view line = trim(bytes.substr(0, end));
    bytes.remove_prefix(std::min(end + 1, bytes.size()));
    if (line.empty()) continue;
    const std::string place = fmt::format("{}:{}", path, number);
    if (line.size() > kProblemLineMax)
      return Error{place + ": the line is longer than " + format_bytes(double(kProblemLineMax))};
    Result<Json> row = parse_json(line, kRowLimits);
    if (!row)
      return Error{
          fmt::format("{}: not a JSON object ({}); a file has one object a line, or is one "
                      "array of objects",
                      place, row.error().message)};
    TRY(reader.add(*row, place));
  }
  return {};
}

Result<void> read_array(std::string_view bytes, const std::string& path, Reader& reader) {
  Json array = TRY_IN(path, parse_json(bytes, kArrayLimits));
  for (size_t i = 0; i < array.items().size(); ++i)
    TRY(reader.add(array.items()[i], fmt::format("{}: row {}", path, i + 1)));
  return {};
}

}  // namespace

const char* row_format_name(RowFormat format) {
  switch (format) {
    case RowFormat::messages:
      return "messages";
    case RowFormat::sharegpt:
      return "sharegpt";
    case RowFormat::alpaca:
      return "alpaca";
    case RowFormat::qa:
      return "qa";
    case RowFormat::preference:
      return "preference";
  }
  return "";
}

std::vector<std::string> row_format_names() {
  std::vector<std::string> names;
  for (RowFormat format : kFormats) names.emplace_back(row_format_name(format));
  return names;
}

Result<ProblemFile> parse_problem_file(std::string_view bytes, const std::string& path,
                                       const std::string& format) {
  if (bytes.size() > kProblemFileMax)
    return Error{fmt::format("{}: larger than {}; cut it into parts", path,
                             format_bytes(double(kProblemFileMax)))};
  if (bytes.starts_with(kByteOrderMark)) bytes.remove_prefix(kByteOrderMark.size());
  std::optional<RowFormat> wanted;
  for (RowFormat known : kFormats)
    if (format == row_format_name(known)) wanted = known;
  Reader reader(wanted);
  if (trim(bytes).starts_with('[')) {
    TRY(read_array(trim(bytes), path, reader));
  } else {
    TRY(read_lines(bytes, path, reader));
  }
  return reader.finish(path);
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
