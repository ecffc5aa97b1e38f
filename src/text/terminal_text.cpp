#include "text/terminal_text.h"

#include <algorithm>
#include <cstdint>

#include "text/unicode.h"

namespace weir {
namespace {

constexpr size_t kLabelMax = 24;    // columns of a label, from which a text goes on under itself
constexpr size_t kWrappedMax = 40;  // lines of a wrapped one
constexpr size_t kFactLabel = 10, kFactBytes = 4000;

struct Range {
  char32_t first, last;
};

// Characters that terminals give two columns (Unicode's East Asian Width W and F, emoji). Whole
// blocks where nearly all are wide: too wide an estimate cuts early, too narrow a one would wrap.
constexpr Range kWide[] = {
    {0x1100, 0x115f},   {0x231a, 0x231b},   {0x23e9, 0x23f3}, {0x25fd, 0x25fe}, {0x2614, 0x2615},
    {0x2648, 0x2653},   {0x267f, 0x267f},   {0x2693, 0x2693}, {0x26a1, 0x26ce}, {0x26d4, 0x26fd},
    {0x2705, 0x2705},   {0x270a, 0x270b},   {0x2728, 0x2728}, {0x274c, 0x2757}, {0x2795, 0x27bf},
    {0x2b1b, 0x2b55},   {0x2e80, 0xa4cf},   {0xa960, 0xa97f}, {0xac00, 0xd7ff}, {0xf900, 0xfaff},
    {0xfe10, 0xfe19},   {0xfe30, 0xfe6f},   {0xff01, 0xff60}, {0xffe0, 0xffe6}, {0x16fe0, 0x1b2ff},
    {0x1f000, 0x1faff}, {0x20000, 0x3fffd},
};

// Characters drawn onto their neighbour or not at all; among them the marks that turn the direction
// of writing, with which a text could look like another one.
constexpr Range kWithoutWidth[] = {
    {0x00ad, 0x00ad},   {0x0300, 0x036f},   {0x0483, 0x0489}, {0x0591, 0x05c7}, {0x0610, 0x061c},
    {0x064b, 0x065f},   {0x06d6, 0x06ed},   {0x0900, 0x0902}, {0x093a, 0x093c}, {0x0941, 0x094d},
    {0x0e31, 0x0e31},   {0x0e34, 0x0e3a},   {0x0e47, 0x0e4e}, {0x1160, 0x11ff}, {0x180b, 0x180f},
    {0x1ab0, 0x1aff},   {0x1dc0, 0x1dff},   {0x200b, 0x200f}, {0x2028, 0x202e}, {0x2060, 0x206f},
    {0x20d0, 0x20ff},   {0xfe00, 0xfe0f},   {0xfe20, 0xfe2f}, {0xfeff, 0xfeff}, {0xfff9, 0xfffb},
    {0x1d165, 0x1d244}, {0xe0000, 0xe0fff},
};

template <size_t kCount>
bool is_in(const Range (&ranges)[kCount], char32_t code) {
  const Range* range =
      std::lower_bound(std::begin(ranges), std::end(ranges), code,
                       [](const Range& each, char32_t wanted) { return each.last < wanted; });
  return range != std::end(ranges) && range->first <= code;
}

int width_of(char32_t code) { return is_in(kWide, code) ? 2 : 1; }

bool is_blank(char32_t code) {
  return code == ' ' || (code >= '\t' && code <= '\r') || code == 0x85 || code == 0x2028 ||
         code == 0x2029 || code == 0x3000;
}

// Bytes of the color code at `at`, or 0: ESC [ ... m.
size_t color_code(std::string_view text, size_t at) {
  if (text[at] != '\033') return 0;
  const size_t end = text.find('m', at);
  return end == text.npos ? text.size() - at : end + 1 - at;
}

// Bytes of the longest beginning that takes at most `columns`.
size_t fitting(std::string_view text, int columns) {
  size_t at = 0;
  for (int used = 0; at < text.size();) {
    if (const size_t code = color_code(text, at)) {
      at += code;
      continue;
    }
    const Utf8Character character = decode_utf8(text, at);
    used += width_of(character.code);
    if (used > columns) break;
    at += size_t(character.bytes);
  }
  return at;
}

}  // namespace

std::string one_line(std::string_view text, size_t bytes_max) {
  text = text.substr(0, bytes_max);
  text = text.substr(0, text.size() - unfinished_utf8_tail(text));
  // Composed first, so that an accent is kept where a character with it exists.
  const std::string composed = normalize_nfc(text);
  std::string out;
  bool blank = false;
  for (size_t at = 0; at < composed.size();) {
    const Utf8Character character = decode_utf8(composed, at);
    const std::string_view bytes = std::string_view(composed).substr(at, size_t(character.bytes));
    at += bytes.size();
    if (character.valid && is_blank(character.code)) {
      blank = true;
      continue;
    }
    if (character.valid && is_in(kWithoutWidth, character.code)) continue;
    if (blank && !out.empty()) out += ' ';
    blank = false;
    const bool is_control =
        character.code < 0x20 || (character.code >= 0x7f && character.code < 0xa0);
    if (!character.valid || is_control)
      out += '?';
    else
      out += bytes;
  }
  return out;
}

int columns_of(std::string_view text) {
  int columns = 0;
  for (size_t at = 0; at < text.size();) {
    if (const size_t code = color_code(text, at)) {
      at += code;
      continue;
    }
    const Utf8Character character = decode_utf8(text, at);
    columns += width_of(character.code);
    at += size_t(character.bytes);
  }
  return columns;
}

std::string cut_columns(std::string_view text, int columns) {
  if (columns <= 0) return "";
  const size_t whole = fitting(text, columns);
  if (whole == text.size()) return std::string(text);
  return std::string(text.substr(0, fitting(text, columns - 1))) + "…";
}

std::vector<std::string> wrap_columns(std::string_view text, int columns, size_t lines_max) {
  std::vector<std::string> lines;
  if (columns < 2) return lines;
  while (!text.empty() && lines.size() < lines_max) {
    if (lines.size() + 1 == lines_max) {
      lines.push_back(cut_columns(text, columns));
      break;
    }
    size_t end = fitting(text, columns);
    if (end < text.size() && text[end] != ' ') {
      // A word longer than half of the line is broken rather than moved.
      const size_t blank = text.substr(0, end).rfind(' ');
      if (blank != text.npos && columns_of(text.substr(0, blank)) > columns / 2) end = blank;
    }
    lines.emplace_back(text.substr(0, end));
    text.remove_prefix(std::min(text.find_first_not_of(' ', end), text.size()));
  }
  return lines;
}

std::vector<std::string> hanging_lines(std::string_view line, int columns) {
  if (columns_of(line) <= columns) return {std::string(line)};
  const size_t word = line.find_first_not_of(' ');
  size_t indent = word == line.npos ? 0 : word + 2;
  if (const size_t gap = line.find("  ", word == line.npos ? 0 : word); gap != line.npos)
    if (const size_t text = line.find_first_not_of(' ', gap);
        text != line.npos && text <= kLabelMax)
      indent = text;
  if (int(2 * indent) > columns) indent = 2;
  // The first line has the label's columns, the others blanks in their place.
  std::vector<std::string> lines;
  const std::string first(line.substr(0, std::min(indent, line.size())));
  for (const std::string& part :
       wrap_columns(line.substr(first.size()), columns - columns_of(first), kWrappedMax))
    lines.push_back((lines.empty() ? first : std::string(size_t(columns_of(first)), ' ')) + part);
  return lines;
}

std::vector<std::string> fact_lines(std::string_view name, std::string_view text, int columns) {
  std::string line(name);
  line += std::string(std::max<size_t>(name.size() + 2, kFactLabel) - name.size(), ' ');
  line += one_line(text, kFactBytes);
  if (columns <= 0) return {line};
  return hanging_lines(line, columns - 1);
}

const char* ink_code(Ink ink) {
  switch (ink) {
    case Ink::plain:
      return "";
    case Ink::dim:
      return "\033[2m";
    case Ink::bold:
      return "\033[1m";
    case Ink::accent:
      return "\033[36m";
    case Ink::good:
      return "\033[32m";
    case Ink::bad:
      return "\033[31m";
    case Ink::warn:
      return "\033[33m";
  }
  return "";
}

InkedLine& InkedLine::add(std::string_view text, Ink ink) {
  const std::string part = cut_columns(text, left());
  if (part.empty()) return *this;
  used_ += columns_of(part);
  if (has_color_ && ink != Ink::plain)
    text_ += ink_code(ink) + part + "\033[0m";
  else
    text_ += part;
  return *this;
}

bool InkedLine::add_whole(std::string_view text, Ink ink, int gap) {
  if (used_ == 0) gap = 0;
  if (gap + columns_of(text) > left()) return false;
  add(std::string(size_t(gap), ' '));
  add(text, ink);
  return true;
}

}  // namespace weir
