#include "red_team/mutation.h"

#include <vector>

#include "base/random.h"
#include "base/text.h"
#include "text/unicode.h"

namespace weir {
namespace {

bool is_lower(char32_t c) { return c >= 'a' && c <= 'z'; }
bool is_letter(char32_t c) { return is_lower(c) || (c >= 'A' && c <= 'Z'); }
bool is_chinese(char32_t c) { return c >= 0x4e00 && c <= 0x9fff; }

// Cyrillic letters with the shape of Latin ones; 0: there is none.
char32_t look_alike(char32_t c) {
  switch (c) {
    case 'a':
      return 0x430;
    case 'c':
      return 0x441;
    case 'e':
      return 0x435;
    case 'i':
      return 0x456;
    case 'o':
      return 0x43e;
    case 'p':
      return 0x440;
    case 's':
      return 0x455;
    case 'x':
      return 0x445;
    case 'y':
      return 0x443;
    default:
      return 0;
  }
}

char32_t leet(char32_t c) {
  switch (c) {
    case 'a':
      return '4';
    case 'e':
      return '3';
    case 'i':
      return '1';
    case 'o':
      return '0';
    case 's':
      return '5';
    case 't':
      return '7';
    default:
      return c;
  }
}

std::u32string code_points(std::string_view text) {
  std::u32string codes;
  for (size_t at = 0; at < text.size();) {
    const Utf8Character c = decode_utf8(text, at);
    codes += c.code;
    at += size_t(c.bytes);
  }
  return codes;
}

std::u32string changed(const std::u32string& text, Mutation mutation, Random& random) {
  std::u32string out;
  for (size_t i = 0; i < text.size(); ++i) {
    const char32_t c = text[i], next = i + 1 < text.size() ? text[i + 1] : 0;
    const bool goes_on = (is_letter(c) && is_letter(next)) || (is_chinese(c) && is_chinese(next));
    switch (mutation) {
      case Mutation::none:
        out += c;
        break;
      case Mutation::full_width:
        out += c > ' ' && c <= '~' ? c + 0xfee0 : c;
        if (is_chinese(c) && goes_on && random.below(4) == 0) out += 0x3000;
        break;
      case Mutation::homoglyphs:
        out += look_alike(c) && random.below(3) > 0 ? look_alike(c) : c;
        if (is_chinese(c) && goes_on && random.below(4) == 0) out += 0xb7;
        break;
      case Mutation::zero_width:
        out += c;
        if (goes_on && random.below(2) == 0) out += 0x200b;
        break;
      case Mutation::spaced:
        out += c;
        if (goes_on) out += random.below(5) == 0 ? U'.' : U' ';
        break;
      case Mutation::swapped:
        if (is_letter(c) && goes_on && random.below(6) == 0) {
          out += next;
          out += c;
          ++i;
        } else {
          out += c;
          if (is_chinese(c) && goes_on && random.below(4) == 0) out += U'*';
        }
        break;
      case Mutation::leet:
        out += random.below(3) > 0 ? leet(c) : c;
        if (is_chinese(c) && goes_on && random.below(4) == 0) out += U'1';
        break;
      case Mutation::capitals:
        out += is_lower(c) && i % 2 == 0 ? c - 32 : c;
        if (is_chinese(c) && goes_on && random.below(3) == 0) out += 0x3000;
        break;
    }
  }
  return out;
}

}  // namespace

std::string mutated(std::string_view text, Mutation mutation, uint64_t seed) {
  if (first_invalid_utf8(text) != text.npos) return std::string(text);
  Random random(seed, uint64_t(mutation));
  std::string out;
  for (const char32_t c : changed(code_points(text), mutation, random)) append_utf8(out, c);
  return out;
}

}  // namespace weir
