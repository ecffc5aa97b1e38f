// number_text(): the spellings of numbers that are no other text's business.
#include <array>

#include "text/unicode.h"
#include "verify/number.h"
#include "verify/plain_text.h"

namespace weir {
namespace {

// A superscript or subscript as its ASCII character, or 0.
char superscript(char32_t code) {
  switch (code) {
    case 0x00b9:
      return '1';
    case 0x00b2:
      return '2';
    case 0x00b3:
      return '3';
    case 0x207a:
      return '+';
    case 0x207b:
      return '-';
    default:
      return code == 0x2070 || (code >= 0x2074 && code <= 0x2079) ? char('0' + (code - 0x2070)) : 0;
  }
}
char subscript(char32_t code) {
  return code >= 0x2080 && code <= 0x2089 ? char('0' + (code - 0x2080)) : 0;
}

// Signs that have a LaTeX command; null for others.
const char* command_of(char32_t code) {
  switch (code) {
    case 0x03c0:
      return "\\pi ";
    case 0x221a:
      return "\\sqrt ";
    case 0x00b1:
      return "\\pm ";
    case 0x221e:
      return "\\infty ";
    case 0x00b0:
    case 0x2103:
    case 0x2109:
      return "^\\circ ";
    case 0x2248:
      return "\\approx ";
    case 0x2030:
      return "\\permille ";
    case 0x2032:
      return "'";
    case 0x2033:
      return "\"";
    case 0x2026:
      return "...";
    default:
      return nullptr;
  }
}

struct Spelling {
  std::string_view written, plain;
};
// LaTeX of no meaning to a number. A name ends where its letters end.
constexpr std::array kCommands = {
    Spelling{"\\,", " "},
    Spelling{"\\;", " "},
    Spelling{"\\:", " "},
    Spelling{"\\ ", " "},
    Spelling{"\\quad", " "},
    Spelling{"\\qquad", " "},
    Spelling{"\\left", ""},
    Spelling{"\\right", ""},
    Spelling{"\\displaystyle", ""},
    Spelling{"\\dfrac", "\\frac"},
    Spelling{"\\tfrac", "\\frac"},
    Spelling{"\\cfrac", "\\frac"},
    Spelling{"\\degree", "^\\circ "},
};

// What stands for the command at text[at], and its length; 0 for one that stays.
size_t plain_command(std::string_view text, size_t at, std::string_view& plain) {
  for (const Spelling& command : kCommands) {
    const size_t end = at + command.written.size();
    if (!text.substr(at).starts_with(command.written)) continue;
    if (is_letter(command.written.back()) && end < text.size() && is_letter(text[end])) continue;
    plain = command.plain;
    return command.written.size();
  }
  return 0;
}

size_t skip_blanks(std::string_view text, size_t at) {
  while (at < text.size() && (text[at] == ' ' || text[at] == '\t')) ++at;
  return at;
}

}  // namespace

std::string number_text(std::string_view raw) {
  const std::string text = plain_text(raw);
  std::string out;
  out.reserve(text.size());
  char open = 0;  // '^' or '_' while a run of small digits is read
  for (size_t at = 0; at < text.size();) {
    const char c = text[at];
    const Utf8Character character = decode_utf8(text, at);
    const char up = character.valid ? superscript(character.code) : 0;
    const char down = character.valid ? subscript(character.code) : 0;
    const char kind = up ? '^' : down ? '_' : 0;
    if (open != 0 && open != kind) out += '}';
    if (kind != 0 && open != kind) (out += kind) += '{';
    open = kind;
    if (kind != 0) {
      out += up ? up : down;
      at += size_t(character.bytes);
      continue;
    }
    std::string_view plain;
    if (text.compare(at, 2, "\\!") == 0) {  // a negative space: 11,\! 111
      at = skip_blanks(text, at + 2);
    } else if (const size_t length = c == '\\' ? plain_command(text, at, plain) : 0; length > 0) {
      out += plain;
      at += length;
    } else if (c == '~') {
      out += ' ';
      ++at;
    } else if (const char* command = character.valid ? command_of(character.code) : nullptr) {
      out += command;
      at += size_t(character.bytes);
    } else {
      out.append(text, at, size_t(character.bytes));
      at += size_t(character.bytes);
    }
  }
  if (open != 0) out += '}';
  return out;
}

}  // namespace weir
