#include "corpus/jsonl.h"

#include <algorithm>

#include "base/json.h"
#include "base/text.h"

namespace weir {
namespace {

constexpr JsonLimits kRowLimits{.depth = 32, .bytes = kJsonlLineMax};

Result<std::string> document_of(std::string_view line, std::string_view field) {
  if (line.size() > kJsonlLineMax)
    return Error{"longer than " + format_bytes(double(kJsonlLineMax))};
  if (line.find('\0') != std::string_view::npos) return Error{"holds a NUL byte"};
  Json row = TRY(parse_json(line, kRowLimits));
  if (!row.is_object()) return Error{"not a JSON object"};
  for (auto& [key, value] : row.members()) {
    if (key != field) continue;
    if (!value.is_string()) return Error{"'" + key + "' is not a string"};
    if (value.text().find('\0') != std::string::npos)
      return Error{"'" + key + "' holds a NUL character"};
    return value.as_string();
  }
  return Error{"no '" + std::string(field) + "' in the object"};
}

}  // namespace

JsonlPart parse_jsonl(std::string_view bytes, std::string_view field) {
  JsonlPart part;
  while (!bytes.empty()) {
    size_t end = std::min(bytes.find('\n'), bytes.size());
    std::string_view line = trim(bytes.substr(0, end));
    bytes.remove_prefix(std::min(end + 1, bytes.size()));
    ++part.lines;
    if (line.empty()) continue;
    ++part.rows;
    Result<std::string> text = document_of(line, field);
    if (text) {
      if (!is_blank_text(*text)) part.documents.push_back({std::move(*text), part.lines});
    } else if (part.bad++ == 0) {
      part.first_bad_line = part.lines;
      part.first_bad_reason = std::move(text).error().message;
    }
  }
  return part;
}

std::vector<std::string_view> split_lines(std::string_view bytes, size_t part_bytes) {
  std::vector<std::string_view> parts;
  while (bytes.size() > part_bytes) {
    size_t end = bytes.find('\n', part_bytes);
    if (end == std::string_view::npos) break;
    parts.push_back(bytes.substr(0, end + 1));
    bytes.remove_prefix(end + 1);
  }
  if (!bytes.empty()) parts.push_back(bytes);
  return parts;
}

bool is_blank_text(std::string_view text) {
  return text.find_first_not_of(" \t\r\n\f\v") == std::string_view::npos;
}

}  // namespace weir
