#include "verify/plain_text.h"

#include "text/unicode.h"

namespace weir {
namespace {

// The plain spelling of a character beyond ASCII, or null for one that stays.
const char* plain_spelling(char32_t code) {
  switch (code) {
    case 0x00a0:
    case 0x2002:
    case 0x2003:
    case 0x2007:
    case 0x2009:
    case 0x200a:
    case 0x202f:
    case 0x205f:
    case 0x3000:
      return " ";
    case 0x200b:
    case 0x2060:
    case 0xfeff:  // of no width
      return "";
    case 0x2010:
    case 0x2011:
    case 0x2012:
    case 0x2013:
    case 0x2212:
      return "-";
    case 0x2018:
    case 0x2019:
      return "'";
    case 0x201c:
    case 0x201d:
      return "\"";
    case 0x00b7:
    case 0x00d7:
    case 0x2217:
    case 0x22c5:
      return "*";
    case 0x00f7:
    case 0x2044:
    case 0x2215:
      return "/";
    case 0x00a3:
    case 0x00a5:
    case 0x20ac:
    case 0x20a6:
    case 0x20a9:
    case 0x20aa:
    case 0x20ab:
    case 0x20b1:
    case 0x20b4:
    case 0x20b9:
    case 0x20ba:
    case 0x20bd:
    case 0xffe5:
    case 0xffe1:
      return "$";
    default:
      return nullptr;
  }
}

// "3/8" for the one character of it, or null.
const char* vulgar_fraction(char32_t code) {
  constexpr const char* kQuarters[] = {"1/4", "1/2", "3/4"};  // from U+00BC
  constexpr const char* kOthers[] = {"1/7", "1/9", "1/10", "1/3", "2/3", "1/5", "2/5", "3/5",
                                     "4/5", "1/6", "5/6",  "1/8", "3/8", "5/8", "7/8"};
  if (code >= 0x00bc && code <= 0x00be) return kQuarters[code - 0x00bc];
  return code >= 0x2150 && code <= 0x215e ? kOthers[code - 0x2150] : nullptr;
}

}  // namespace

std::string plain_text(std::string_view text) {
  std::string out;
  out.reserve(text.size());
  for (size_t i = 0; i < text.size();) {
    if (static_cast<unsigned char>(text[i]) < 0x80) {
      out += text[i++];
      continue;
    }
    const Utf8Character character = decode_utf8(text, i);
    const char* plain = character.valid ? plain_spelling(character.code) : nullptr;
    constexpr char32_t kWideFirst = 0xff01, kWideLast = 0xff5e, kWideComma = 0xff0c;
    const char* fraction = character.valid ? vulgar_fraction(character.code) : nullptr;
    if (plain) {
      out += plain;
    } else if (fraction) {
      // 1 1/2 is a mixed number; the sign of -1/2 stays beside it.
      if (!out.empty() && is_digit(out.back())) out += ' ';
      out += fraction;
      if (i + size_t(character.bytes) < text.size() && is_digit(text[i + size_t(character.bytes)]))
        out += ' ';
    } else if (character.valid && character.code >= kWideFirst && character.code <= kWideLast &&
               character.code != kWideComma) {
      out += char(character.code - kWideFirst + '!');
    } else {
      out += text.substr(i, size_t(character.bytes));
    }
    i += size_t(character.bytes);
  }
  return out;
}

std::string_view last_part(std::string_view text, size_t bytes_max) {
  if (text.size() <= bytes_max) return text;
  std::string_view end = text.substr(text.size() - bytes_max);
  const size_t blank = end.find_first_of(" \t\r\n");
  return blank == end.npos ? std::string_view() : end.substr(blank);
}

std::optional<std::string_view> last_boxed(std::string_view text) {
  constexpr std::string_view kMark = "\\boxed{";
  const size_t mark = text.rfind(kMark);
  if (mark == text.npos) return std::nullopt;
  const std::string_view rest = text.substr(mark + kMark.size());
  size_t depth = 1;
  for (size_t i = 0; i < rest.size(); ++i) {
    if (rest[i] == '\\') {
      ++i;  // \{ and \} are braces of the text
    } else if (rest[i] == '{') {
      ++depth;
    } else if (rest[i] == '}' && --depth == 0) {
      return rest.substr(0, i);
    }
  }
  return std::nullopt;
}

}  // namespace weir
