#include "jinja/characters.h"

#include <string.h>  // memmem
#include <utf8proc.h>

#include <algorithm>

#include "base/text.h"
#include "text/unicode.h"

namespace weir::jinja {
namespace {

// One character may become two (ß, SS).
void append_cased(std::string& out, char32_t code, bool is_upper, bool is_title) {
  const auto c = utf8proc_int32_t(code);
  if (code == 0xDF && (is_upper || is_title)) {
    out += is_upper ? "SS" : "Ss";
  } else {
    append_utf8(out, char32_t(is_upper   ? utf8proc_toupper(c)
                              : is_title ? utf8proc_totitle(c)
                                         : utf8proc_tolower(c)));
  }
}

}  // namespace

bool is_space(char32_t c) {
  return (c >= 0x09 && c <= 0x0D) || (c >= 0x1C && c <= 0x20) || c == 0x85 || c == 0xA0 ||
         c == 0x1680 || (c >= 0x2000 && c <= 0x200A) || c == 0x2028 || c == 0x2029 || c == 0x202F ||
         c == 0x205F || c == 0x3000;
}

std::string_view strip_begin(std::string_view text) {
  while (!text.empty()) {
    Utf8Character c = decode_utf8(text, 0);
    if (!is_space(c.code)) break;
    text.remove_prefix(size_t(c.bytes));
  }
  return text;
}

std::string_view strip_end(std::string_view text) {
  while (!text.empty()) {
    size_t last = previous_character(text, text.size());
    if (!is_space(decode_utf8(text, last).code)) break;
    text = text.substr(0, last);
  }
  return text;
}

size_t count_characters(std::string_view text) {
  return size_t(std::count_if(text.begin(), text.end(), [](char c) { return (c & 0xC0) != 0x80; }));
}

size_t byte_of_character(std::string_view text, size_t index) {
  size_t at = 0;
  for (; at < text.size(); ++at) {
    if ((text[at] & 0xC0) == 0x80) continue;
    if (index == 0) return at;
    --index;
  }
  return at;
}

size_t previous_character(std::string_view text, size_t at) {
  --at;
  while (at > 0 && (text[at] & 0xC0) == 0x80) --at;
  return at;
}

std::vector<Line> split_lines(std::string_view text) {
  auto is_line_end = [](char32_t c) {
    return (c >= 0x0A && c <= 0x0D) || (c >= 0x1C && c <= 0x1E) || c == 0x85 || c == 0x2028 ||
           c == 0x2029;
  };
  std::vector<Line> lines;
  size_t begin = 0;
  for (size_t at = 0; at < text.size();) {
    Utf8Character c = decode_utf8(text, at);
    size_t next = at + size_t(c.bytes);
    if (is_line_end(c.code)) {
      if (c.code == '\r' && next < text.size() && text[next] == '\n') ++next;
      lines.push_back({{begin, at}, next});
      begin = next;
    }
    at = next;
  }
  if (begin < text.size()) lines.push_back({{begin, text.size()}, text.size()});
  return lines;
}

size_t find_text(std::string_view text, std::string_view wanted, size_t from) {
  if (from > text.size() || text.size() - from < wanted.size()) return text.npos;
  if (wanted.empty()) return from;
  // The C library's memmem has a linear worst case, std::string_view::find has not.
  const void* found = memmem(text.data() + from, text.size() - from, wanted.data(), wanted.size());
  return found == nullptr ? text.npos : size_t(static_cast<const char*>(found) - text.data());
}

TracedText with_case(const TracedText& from, LetterCase wanted) {
  TracedText out;
  auto span = from.trusted.begin();
  constexpr std::string_view kWordBegins = "-({[<";
  bool follows_letter = false, begins_word = true;
  for (size_t at = 0; at < from.text.size();) {
    Utf8Character c = decode_utf8(from.text, at);
    std::string changed;
    const bool begins = wanted == LetterCase::titled  ? !follows_letter
                        : wanted == LetterCase::words ? begins_word
                                                      : at == 0;
    const bool is_upper = wanted == LetterCase::upper || (wanted == LetterCase::words && begins);
    append_cased(changed, c.code, is_upper, wanted != LetterCase::lower && begins);
    follows_letter = utf8proc_isupper(utf8proc_int32_t(c.code)) != 0 ||
                     utf8proc_islower(utf8proc_int32_t(c.code)) != 0;
    begins_word =
        is_space(c.code) || (c.bytes == 1 && kWordBegins.find(char(c.code)) != kWordBegins.npos);
    while (span != from.trusted.end() && span->end <= at) ++span;
    out.append(changed, span != from.trusted.end() && span->begin <= at);
    at += size_t(c.bytes);
  }
  return out;
}

}  // namespace weir::jinja
