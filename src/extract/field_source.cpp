#include "extract/field_source.h"

#include <algorithm>

#include "base/text.h"
#include "extract/document_windows.h"
#include "extract/text_matches.h"

namespace weir {
namespace {

constexpr size_t kQuoteBytesMax = 200;

void add_values(const std::string& path, const Json& value, std::vector<FieldValue>& values) {
  if (value.is_object()) {
    for (const auto& [key, member] : value.members())
      add_values(path.empty() ? key : path + "." + key, member, values);
  } else if (value.is_array()) {
    for (size_t i = 0; i < value.size(); ++i)
      add_values(path + "[" + std::to_string(i) + "]", value.items()[i], values);
  } else if (value.is_number() || (value.is_string() && !trim(value.text()).empty())) {
    values.push_back({path, &value});
  }
}

std::optional<TextMatch> match(std::string_view text, const Json& value) {
  if (value.is_number()) {
    const Result<double> number = value.as_double();
    return number ? match_number(text, *number) : std::nullopt;
  }
  const std::optional<CalendarDay> day = parse_iso_day(value.text());
  if (day)
    if (const std::optional<TextMatch> found = match_day(text, *day)) return found;
  return match_text(text, value.text());
}

// Whole characters of the line around the match.
std::string quote_of(std::string_view text, TextMatch match) {
  size_t begin = text.rfind('\n', match.begin);
  begin = begin == text.npos ? 0 : begin + 1;
  size_t end = std::min(text.find('\n', match.end), text.size());
  const size_t room = kQuoteBytesMax > match.end - match.begin
                          ? (kQuoteBytesMax - (match.end - match.begin)) / 2
                          : 0;
  const auto is_inside = [&](size_t at) {
    return at < text.size() && (static_cast<unsigned char>(text[at]) & 0xC0) == 0x80;
  };
  if (match.begin - begin > room) {
    begin = match.begin - room;
    while (is_inside(begin)) ++begin;
  }
  if (end > match.end + room) {
    end = match.end + room;
    while (is_inside(end)) --end;
  }
  return std::string(trim(text.substr(begin, end - begin)));
}

}  // namespace

std::vector<FieldValue> field_values(const Json& value) {
  std::vector<FieldValue> values;
  add_values("", value, values);
  return values;
}

std::optional<FieldSource> find_source(const Document& document, const Json& value, size_t first,
                                       size_t last) {
  const auto look = [&](size_t from, size_t to) -> std::optional<FieldSource> {
    for (size_t i = from; i < std::min(to, document.blocks.size()); ++i) {
      const DocumentBlock& block = document.blocks[i];
      const std::optional<TextMatch> found = match(block.text, value);
      if (!found) continue;
      return FieldSource{quote_of(block.text, *found), i, block.page, heading_path(document, i)};
    }
    return {};
  };
  if (std::optional<FieldSource> found = look(first, last + 1)) return found;
  if (std::optional<FieldSource> found = look(0, first)) return found;
  return look(last + 1, document.blocks.size());
}

}  // namespace weir
