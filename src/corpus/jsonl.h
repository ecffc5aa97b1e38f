// Documents out of JSON lines: {"text": "..."} per line. Works on bytes in memory, so that files
// can be cut into parts and read by many threads.
#pragma once
#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

namespace weir {

struct JsonlDocument {
  std::string text;
  size_t line;  // 1-based, within the bytes given
};

struct JsonlPart {
  std::vector<JsonlDocument> documents;  // blank texts are left out
  size_t lines = 0;                      // all of them
  size_t rows = 0;                       // lines that are not blank
  size_t bad = 0;                        // rows without a document in them
  size_t first_bad_line = 0;
  std::string first_bad_reason;
};

constexpr size_t kJsonlLineMax = size_t(16) << 20;  // bytes

// Never fails: bad rows are counted and the first is described. CRLF is accepted.
JsonlPart parse_jsonl(std::string_view bytes, std::string_view field);

// Parts of about `part_bytes` that end at line ends.
std::vector<std::string_view> split_lines(std::string_view bytes, size_t part_bytes);

// No character that shows: spaces and line ends at most.
bool is_blank_text(std::string_view text);

}  // namespace weir
