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
  if (const std::optional<CalendarDay> day = parse_iso_day(value.text()))
    return match_day(text, *day);
  return match_text(text, value.text());
}

size_t line_begin(std::string_view text, size_t at) {
  const size_t end = at == 0 ? text.npos : text.rfind('\n', at - 1);
  return end == text.npos ? 0 : end + 1;
}

// Whole characters of the line around the match.
std::string quote_of(std::string_view text, TextMatch match) {
  size_t begin = line_begin(text, match.begin);
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

std::optional<FieldSource> find_source(const Document& document, const Json& value,
                                       const FieldSource* beside) {
  const auto source = [&](size_t block, TextMatch found) {
    const std::string& text = document.blocks[block].text;
    return FieldSource{quote_of(text, found), block, line_begin(text, found.begin),
                       document.blocks[block].page, heading_path(document, block)};
  };
  if (beside && beside->block < document.blocks.size()) {
    const std::string_view text = document.blocks[beside->block].text;
    const size_t begin = std::min(beside->line, text.size());
    const size_t end = std::min(text.find('\n', begin), text.size());
    if (std::optional<TextMatch> found = match(text.substr(begin, end - begin), value))
      return source(beside->block, {found->begin + begin, found->end + begin});
  }
  for (size_t i = 0; i < document.blocks.size(); ++i)
    if (const std::optional<TextMatch> found = match(document.blocks[i].text, value))
      return source(i, *found);
  return {};
}

}  // namespace weir
