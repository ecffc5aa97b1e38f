// Any bytes as labelled rows for heads: an error, or rows with messages and texts.
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "heads/labelled_rows.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const auto rows =
      weir::parse_labelled_rows({reinterpret_cast<const char*>(data), size}, "rows.jsonl");
  if (!rows) return 0;
  for (const weir::LabelledRow& row : *rows)
    if (row.messages.items().empty() || row.group.empty()) std::abort();
  return 0;
}
