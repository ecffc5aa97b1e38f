// Words into lines, and lines into running text.
#include <algorithm>
#include <cmath>

#include "base/text.h"
#include "documents/pdf_layout.h"
#include "text/unicode.h"

namespace weir {
namespace {

// Scripts without blanks between words.
bool is_ideographic(char32_t c) {
  return (c >= 0x2E80 && c <= 0x9FFF) || (c >= 0xF900 && c <= 0xFAFF) ||
         (c >= 0xFF00 && c <= 0xFFEF) || (c >= 0x20000 && c <= 0x3FFFF);
}

char32_t last_character(std::string_view text) {
  if (text.empty()) return 0;
  size_t at = text.size() - 1;
  while (at > 0 && (static_cast<unsigned char>(text[at]) & 0xC0) == 0x80) --at;
  return decode_utf8(text, at).code;
}

bool is_small_letter(char32_t c) {
  return (c >= 'a' && c <= 'z') || (c >= 0xDF && c <= 0xFF && c != 0xF7) ||
         (c >= 0x430 && c <= 0x45F);
}

bool is_on_line(const PageLine& line, const PageWord& word) {
  const double overlap = std::min(line.bottom, word.bottom) - std::max(line.top, word.top);
  const double height = std::min(line.bottom - line.top, word.bottom - word.top);
  return overlap > 0.5 * height && word.left > line.right - 0.5 * std::max(word.size, 1.0);
}

}  // namespace

std::vector<PageLine> lines_of_words(const std::vector<PageWord>& words) {
  std::vector<PageLine> lines;
  const PageWord* last = nullptr;
  size_t bold = 0, bytes = 0;
  for (const PageWord& word : words) {
    if (!last || !is_on_line(lines.back(), word)) {
      lines.push_back({.text = word.text,
                       .left = word.left,
                       .top = word.top,
                       .right = word.right,
                       .bottom = word.bottom,
                       .size = word.size,
                       .is_bold = word.is_bold,
                       .is_mono = word.is_mono});
      bold = word.is_bold ? word.text.size() : 0;
      bytes = word.text.size();
    } else {
      PageLine& line = lines.back();
      const bool is_apart = word.left - line.right > 0.12 * word.size;
      if (last->space_after || is_apart) line.text += ' ';
      line.text += word.text;
      line.top = std::min(line.top, word.top);
      line.bottom = std::max(line.bottom, word.bottom);
      line.right = std::max(line.right, word.right);
      // The size of most of it: a footnote mark is smaller, an initial larger.
      if (word.text.size() > bytes) line.size = word.size;
      bytes += word.text.size();
      bold += word.is_bold ? word.text.size() : 0;
      line.is_mono &= word.is_mono;
      line.is_bold = 10 * bold > 9 * bytes;
    }
    last = &word;
  }
  return lines;
}

void join_line(std::string& text, const std::string& line) {
  if (text.empty() || line.empty()) {
    text += line;
    return;
  }
  const char32_t before = last_character(text), after = decode_utf8(line, 0).code;
  if (is_ideographic(before) && is_ideographic(after)) {
    text += line;
    return;
  }
  const bool is_hyphen = before == '-' || before == 0xAD || before == 0x2010;
  if (is_hyphen && is_small_letter(after)) {
    std::string stem = text;
    stem.resize(stem.size() - (before == '-' ? 1 : before == 0xAD ? 2 : 3));
    if (is_small_letter(last_character(stem))) {
      text = stem + line;
      return;
    }
  }
  text += ' ' + line;
}

std::string heading_key(const std::string& text) {
  std::string key;
  for (const char c : running_text(text)) {
    const unsigned char u = static_cast<unsigned char>(c);
    if (u >= 0x80 || (u >= '0' && u <= '9') || (u >= 'a' && u <= 'z')) key += c;
    if (u >= 'A' && u <= 'Z') key += char(c | 0x20);
  }
  return key;
}

}  // namespace weir
