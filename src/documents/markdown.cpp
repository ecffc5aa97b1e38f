#include "documents/markdown.h"

#include <md4c-html.h>

#include <algorithm>
#include <string>

#include "base/text.h"
#include "documents/html_blocks.h"

namespace weir {
namespace {

constexpr size_t kMarkdownBytesMax = size_t(8) << 20;
// A row of a table has as many cells as its head, whatever it has of text: a head of n columns and
// n short rows would be n² cells.
constexpr size_t kCellsMax = 4'000'000;

// Removes the front matter from `markdown`.
void take_front_matter(std::string_view& markdown, DocumentBuilder& document) {
  if (!markdown.starts_with("---\n")) return;
  const size_t end = markdown.find("\n---\n", 3);
  if (end == markdown.npos || end > 16384) return;
  for (const std::string& line : split(markdown.substr(4, end > 4 ? end - 4 : 0), '\n')) {
    const size_t colon = line.find(':');
    if (colon == line.npos) continue;
    std::string_view value = trim(std::string_view(line).substr(colon + 1));
    if (value.size() >= 2 && (value[0] == '"' || value[0] == '\'') && value.back() == value[0])
      value = value.substr(1, value.size() - 2);
    const std::string_view key = trim(std::string_view(line).substr(0, colon));
    if (key == "title") document.set_title(value);
    if (key == "lang" || key == "language") document.set_language(value);
  }
  markdown.remove_prefix(end + 5);
}

bool may_have_tables(std::string_view markdown) {
  size_t columns = 0, lines = 0;
  while (!markdown.empty()) {
    const std::string_view line = markdown.substr(0, markdown.find('\n'));
    columns = std::max(columns, size_t(std::count(line.begin(), line.end(), '|')));
    ++lines;
    markdown.remove_prefix(std::min(line.size() + 1, markdown.size()));
  }
  return columns * lines <= kCellsMax;
}

// Columns or code: blanks inside of most lines, or before all of several.
bool is_laid_out(std::string_view text) {
  size_t lines = 0, indented = 0, spaced = 0;
  while (!text.empty()) {
    const std::string_view line = text.substr(0, text.find('\n'));
    const std::string_view inner = trim(line);
    ++lines;
    indented += line.starts_with("    ") || line.starts_with('\t');
    spaced += inner.find("   ") != inner.npos || inner.find('\t') != inner.npos;
    text.remove_prefix(std::min(line.size() + 1, text.size()));
  }
  return lines > 1 && (indented == lines || 2 * spaced > lines);
}

void append(const char* text, unsigned bytes, void* html) {
  static_cast<std::string*>(html)->append(text, bytes);
}

}  // namespace

Result<void> add_markdown(std::string_view markdown, DocumentBuilder& document) {
  if (markdown.size() > kMarkdownBytesMax)
    return Error{"Markdown of " + format_bytes(double(markdown.size())) + "; the limit is " +
                 format_bytes(double(kMarkdownBytesMax)) + ", split the file or name it .txt"};
  take_front_matter(markdown, document);
  unsigned flags = MD_FLAG_STRIKETHROUGH | MD_FLAG_TASKLISTS;
  if (may_have_tables(markdown))
    flags |= MD_FLAG_TABLES;
  else
    document.note("tables are read as text: one has too many columns for this many lines");
  std::string html;
  if (md_html(markdown.data(), unsigned(markdown.size()), append, &html, flags, 0) != 0)
    return Error{"the Markdown cannot be parsed: not enough memory"};
  return add_html(html, document);
}

void add_plain_text(std::string_view text, DocumentBuilder& document) {
  size_t begin = 0;
  const auto add = [&](size_t end) {
    const std::string_view part = text.substr(begin, end - begin);
    if (is_laid_out(part))
      document.code(part);
    else
      document.paragraph(part);
  };
  for (size_t at = 0; at < text.size();) {
    const size_t end = std::min(text.find('\n', at), text.size());
    if (trim(text.substr(at, end - at)).empty()) {
      add(at);
      begin = std::min(end + 1, text.size());
    }
    at = end + 1;
  }
  if (begin < text.size()) add(text.size());
}

}  // namespace weir
