#include "documents/document_builder.h"

#include <algorithm>

#include "base/text.h"
#include "text/unicode.h"

namespace weir {
namespace {

constexpr size_t kNotesMax = 20;

// Characters that are seen as a blank, and those that are not seen at all. U+3000 is a blank of
// Chinese text; bidirectional marks, joiners and the byte order mark are not seen.
bool is_blank(char32_t c) {
  return c == ' ' || c == '\t' || c == '\n' || c == '\r' || c == '\f' || c == '\v' || c == 0xA0 ||
         c == 0x85 || (c >= 0x2000 && c <= 0x200A) || c == 0x2028 || c == 0x2029 || c == 0x202F ||
         c == 0x205F || c == 0x3000;
}
bool is_invisible(char32_t c) {
  return c < 0x20 || (c >= 0x7F && c < 0xA0) || c == 0xAD || c == 0x200B || c == 0x200E ||
         c == 0x200F || (c >= 0x202A && c <= 0x202E) || c == 0x2060 || c == 0xFEFF;
}

bool is_plain(char c) {
  const unsigned char u = static_cast<unsigned char>(c);
  return u > 0x20 && u < 0x7F;
}

}  // namespace

std::string running_text(std::string_view text) {
  std::string out;
  out.reserve(text.size());
  bool blank = false;
  const auto open = [&] {
    if (blank && !out.empty()) out += ' ';
    blank = false;
  };
  for (size_t at = 0; at < text.size();) {
    if (is_plain(text[at])) {
      size_t end = at + 1;
      while (end < text.size() && is_plain(text[end])) ++end;
      open();
      out.append(text.substr(at, end - at));
      at = end;
      continue;
    }
    const Utf8Character c = decode_utf8(text, at);
    if (is_blank(c.code)) {
      blank = true;
    } else if (!is_invisible(c.code)) {
      open();
      if (c.valid)
        out.append(text.substr(at, size_t(c.bytes)));
      else
        append_utf8(out, 0xFFFD);
    }
    at += size_t(c.bytes);
  }
  return out;
}

std::string lines_of_text(std::string_view text) {
  if (text.find_first_of("\n\r") == text.npos) return running_text(text);
  std::string out;
  while (!text.empty()) {
    const size_t end = std::min(text.find_first_of("\n\r"), text.size());
    const std::string line = running_text(text.substr(0, end));
    if (!line.empty()) out += (out.empty() ? "" : "\n") + line;
    text.remove_prefix(std::min(end + 1, text.size()));
  }
  return out;
}

std::string code_text(std::string_view text) {
  std::string out;
  size_t kept = 0;  // of `out`: up to the last visible character
  bool began = false;
  for (size_t at = 0; at < text.size();) {
    const Utf8Character c = decode_utf8(text, at);
    const size_t begin = at;
    at += size_t(c.bytes);
    if (c.code == '\n') {
      out.resize(kept);
      if (began) {
        out += '\n';
        // Only what follows makes it last, but the blanks of this line are gone.
        kept = out.size();
      }
    } else if (c.code == ' ' || c.code == '\t') {
      out += char(c.code);
    } else if (c.code == 0xA0) {
      out += ' ';
    } else if (!is_invisible(c.code)) {
      if (c.valid)
        out.append(text.substr(begin, size_t(c.bytes)));
      else
        append_utf8(out, 0xFFFD);
      kept = out.size();
      began = true;
    }
  }
  out.resize(kept);
  while (out.ends_with('\n')) out.pop_back();
  return out;
}

void DocumentBuilder::set_title(std::string_view title) {
  if (document_.title.empty()) document_.title = running_text(title);
}

void DocumentBuilder::set_language(std::string_view language) {
  if (document_.language.empty()) document_.language = running_text(language);
}

void DocumentBuilder::add(DocumentBlock::Kind kind, int level, std::string text) {
  if (text.empty()) return;
  document_.blocks.push_back(
      {.kind = kind, .level = level, .page = page_, .text = std::move(text)});
}

void DocumentBuilder::heading(int level, std::string_view text) {
  add(DocumentBlock::Kind::heading, std::clamp(level, 1, 6), running_text(text));
}

void DocumentBuilder::paragraph(std::string_view text) {
  add(DocumentBlock::Kind::paragraph, 0, lines_of_text(text));
}

void DocumentBuilder::list_item(int depth, std::string_view text) {
  add(DocumentBlock::Kind::list_item, std::max(depth, 0), lines_of_text(text));
}

void DocumentBuilder::code(std::string_view text) {
  add(DocumentBlock::Kind::code, 0, code_text(text));
}

void DocumentBuilder::table(const std::vector<std::vector<std::string>>& rows) {
  add(DocumentBlock::Kind::table, 0, table_text(rows));
}

void DocumentBuilder::note(std::string text) {
  std::vector<std::string>& notes = document_.notes;
  if (notes.size() < kNotesMax && std::ranges::find(notes, text) == notes.end())
    notes.push_back(std::move(text));
}

void DocumentBuilder::append(const Document& other) {
  for (const DocumentBlock& block : other.blocks) add(block.kind, block.level, block.text);
  for (const std::string& text : other.notes) note(other.name + ": " + text);
}

Document DocumentBuilder::finish() {
  if (document_.title.empty()) {
    const auto first =
        std::ranges::find(document_.blocks, DocumentBlock::Kind::heading, &DocumentBlock::kind);
    if (first != document_.blocks.end()) document_.title = first->text;
  }
  return std::move(document_);
}

std::string table_text(const std::vector<std::vector<std::string>>& rows) {
  size_t columns = 0;
  std::vector<std::vector<std::string>> clean;
  for (const std::vector<std::string>& row : rows) {
    std::vector<std::string> cells;
    size_t used = 0;
    for (const std::string& cell : row) {
      cells.push_back(running_text(cell));
      if (!cells.back().empty()) used = cells.size();
    }
    if (used == 0) continue;
    columns = std::max(columns, used);
    clean.push_back(std::move(cells));
  }
  std::string text;
  for (const std::vector<std::string>& row : clean) {
    if (!text.empty()) text += '\n';
    for (size_t i = 0; i < columns; ++i) {
      if (i > 0) text += " | ";
      if (i < row.size()) text += row[i];
    }
    while (text.ends_with(' ')) text.pop_back();
  }
  return text;
}

}  // namespace weir
