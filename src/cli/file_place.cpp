#include "cli/file_place.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/text.h"
#include "text/unicode.h"

namespace weir {
namespace {

// Takes ":123" off the end; 0: there is none.
Result<int> take_number(std::string& text) {
  const size_t colon = text.rfind(':');
  if (colon == text.npos || colon + 1 == text.size()) return 0;
  const std::string digits = text.substr(colon + 1);
  if (digits.find_first_not_of("0123456789") != digits.npos) return 0;
  const auto number = parse_int(digits);
  if (!number || *number < 1 || *number > INT32_MAX)
    return Error{printable(text) + ": lines and columns are numbers from 1"};
  text.resize(colon);
  return int(*number);
}

}  // namespace

Result<FilePlace> parse_file_place(const std::string& text) {
  FilePlace place{.path = text};
  const int last = TRY(take_number(place.path));
  const int before = last > 0 ? TRY(take_number(place.path)) : 0;
  place.line = before > 0 ? before : last;
  place.column = before > 0 ? last : 0;
  if (place.line == 0 || place.path.empty())
    return Error{"'" + printable(text) +
                 "' is no place in a file; give FILE:LINE or FILE:LINE:COLUMN, as in main.py:12"};
  return place;
}

Result<size_t> offset_of(const FilePlace& place, const std::string& text) {
  size_t begin = 0;
  for (int line = 1; line < place.line; ++line) {
    const size_t end = text.find('\n', begin);
    if (end == text.npos)
      return Error{fmt::format("{}: has no line {}; it has {} line{}", printable(place.path),
                               place.line, line, line == 1 ? "" : "s")};
    begin = end + 1;
  }
  size_t end = std::min(text.find('\n', begin), text.size());
  if (end > begin && text[end - 1] == '\r') --end;
  if (place.column == 0) return end;
  size_t at = begin;
  for (int column = 1; column < place.column; ++column) {
    if (at == end)
      return Error{fmt::format("{}: line {} has no column {}; the place after its end is column {}",
                               printable(place.path), place.line, place.column, column)};
    at += size_t(decode_utf8(text, at).bytes);
  }
  return at;
}

}  // namespace weir
