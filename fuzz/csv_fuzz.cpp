// Any bytes as CSV, in one piece and in pieces of a few bytes: the same rows, or the same error.
#include <cstdint>
#include <cstdlib>

#include "documents/csv.h"

namespace {

std::string rows_of(std::string_view text, char separator, size_t piece) {
  std::string rows;
  weir::CsvParser parser(separator, [&](const weir::CsvRow& row) -> weir::Result<void> {
    for (const std::string& cell : row) rows += cell + '\x1f';
    rows += '\x1e';
    return {};
  });
  weir::Result<void> result;
  for (size_t at = 0; at < text.size() && result; at += piece)
    result = parser.add(text.substr(at, piece));
  if (result) result = parser.finish();
  return result ? rows : rows + result.error().message;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  const char separator = weir::detect_csv_separator(text);
  if (rows_of(text, separator, size + 1) != rows_of(text, separator, 3)) std::abort();
  return 0;
}
