// UTF-8 by the table of well-formed sequences (Unicode 15, table 3-7); NFC by utf8proc.
#include "text/unicode.h"

#include <utf8proc.h>

#include <array>
#include <cstdint>
#include <cstdlib>
#include <cstring>

#include "base/text.h"

namespace weir {
namespace {

constexpr char32_t kReplacement = 0xFFFD;
constexpr size_t kCombiningRunMax = 256;

unsigned char byte_at(std::string_view text, size_t at) {
  return static_cast<unsigned char>(text[at]);
}

// Length of a sequence by its first byte (0: none begins so), and the range of its second byte.
struct Lead {
  int bytes;
  unsigned char low, high;
};
Lead lead_of(unsigned char c) {
  if (c < 0x80) return {1, 0, 0};
  if (c < 0xC2) return {0, 0, 0};
  if (c < 0xE0) return {2, 0x80, 0xBF};
  if (c == 0xE0) return {3, 0xA0, 0xBF};
  if (c == 0xED) return {3, 0x80, 0x9F};
  if (c < 0xF0) return {3, 0x80, 0xBF};
  if (c == 0xF0) return {4, 0x90, 0xBF};
  if (c < 0xF4) return {4, 0x80, 0xBF};
  if (c == 0xF4) return {4, 0x80, 0x8F};
  return {0, 0, 0};
}

struct ByteMap {
  std::array<char32_t, 256> character;
  std::array<int, 0x144> byte;
  ByteMap() {
    byte.fill(-1);
    char32_t next = 0x100;
    for (int b = 0; b < 256; ++b) {
      bool printable = (b >= 0x21 && b <= 0x7E) || (b >= 0xA1 && b <= 0xAC) || b >= 0xAE;
      character[b] = printable ? char32_t(b) : next++;
      byte[character[b]] = b;
    }
  }
};
const ByteMap& byte_map() {
  static const ByteMap map;
  return map;
}

// Characters that no composition touches and that are common enough to look for: everything below
// the first combining mark, plain Cyrillic, kana, CJK ideographs, whole Hangul syllables,
// full-width.
bool is_plain(char32_t c) {
  return c < 0x300 || (c >= 0x400 && c < 0x483) || (c >= 0x2010 && c < 0x2027) ||
         (c >= 0x3000 && c < 0x3099) || (c >= 0x309B && c < 0x3100) ||
         (c >= 0x4E00 && c < 0xA000) || (c >= 0xAC00 && c < 0xD7A4) || (c >= 0xFF01 && c < 0xFFF0);
}

// `text` is valid UTF-8 with no over-long run of marks.
void append_composed(std::string& out, std::string_view text) {
  utf8proc_uint8_t* composed = nullptr;
  utf8proc_ssize_t n = utf8proc_map(reinterpret_cast<const utf8proc_uint8_t*>(text.data()),
                                    utf8proc_ssize_t(text.size()), &composed,
                                    utf8proc_option_t(UTF8PROC_STABLE | UTF8PROC_COMPOSE));
  if (n < 0) {
    out += text;
  } else {
    out.append(reinterpret_cast<const char*>(composed), size_t(n));
  }
  std::free(composed);
}

}  // namespace

Utf8Character decode_utf8(std::string_view text, size_t at) {
  unsigned char first = byte_at(text, at);
  if (first < 0x80) return {first, 1, true};
  Lead lead = lead_of(first);
  if (lead.bytes == 0) return {kReplacement, 1, false};
  char32_t code = first & (0x7F >> lead.bytes);
  for (int i = 1; i < lead.bytes; ++i) {
    if (at + size_t(i) >= text.size()) return {kReplacement, i, false};
    unsigned char c = byte_at(text, at + size_t(i));
    unsigned char low = i == 1 ? lead.low : 0x80, high = i == 1 ? lead.high : 0xBF;
    if (c < low || c > high) return {kReplacement, i, false};
    code = code << 6 | (c & 0x3F);
  }
  return {code, lead.bytes, true};
}

size_t valid_utf8_prefix(std::string_view text) {
  size_t at = 0;
  while (at < text.size()) {
    uint64_t eight;
    while (at + 8 <= text.size() &&
           (std::memcpy(&eight, text.data() + at, 8), eight & 0x8080808080808080u) == 0) {
      at += 8;
    }
    if (at == text.size()) break;
    Utf8Character c = decode_utf8(text, at);
    if (!c.valid) break;
    at += size_t(c.bytes);
  }
  return at;
}

std::string replace_invalid_utf8(std::string_view text) {
  std::string out;
  out.reserve(text.size());
  for (;;) {
    size_t valid = valid_utf8_prefix(text);
    out.append(text, 0, valid);
    if (valid == text.size()) return out;
    append_utf8(out, kReplacement);
    text.remove_prefix(valid + size_t(decode_utf8(text, valid).bytes));
  }
}

size_t unfinished_utf8_tail(std::string_view text) {
  for (size_t back = 1; back <= 3 && back <= text.size(); ++back) {
    size_t at = text.size() - back;
    if ((byte_at(text, at) & 0xC0) == 0x80) continue;
    Utf8Character c = decode_utf8(text, at);
    bool unfinished = !c.valid && size_t(c.bytes) == back && lead_of(byte_at(text, at)).bytes > 1;
    return unfinished ? back : 0;
  }
  return 0;
}

std::string normalize_nfc(std::string_view text) {
  std::string out;
  size_t begin = 0;       // of what is still to be copied or composed
  bool composes = false;  // whether that part has anything but plain characters
  size_t combining = 0;   // length of the run of marks before `at`
  auto flush = [&](size_t end) {
    std::string_view part = text.substr(begin, end - begin);
    if (composes) {
      append_composed(out, part);
    } else {
      out += part;
    }
    begin = end, composes = false, combining = 0;
  };
  for (size_t at = 0; at < text.size();) {
    Utf8Character c = decode_utf8(text, at);
    if (!c.valid) {
      flush(at);
      begin = at += size_t(c.bytes);
      out.append(text, at - size_t(c.bytes), size_t(c.bytes));
      continue;
    }
    if (c.code < 0x80) {
      // Nothing before an ASCII character composes with it.
      if (composes) flush(at);
    } else if (!is_plain(c.code)) {
      composes = true;
      bool mark = utf8proc_get_property(utf8proc_int32_t(c.code))->combining_class != 0;
      combining = mark ? combining + 1 : 0;
      if (combining > kCombiningRunMax) {
        flush(at);
        composes = true;
      }
    } else {
      combining = 0;
    }
    at += size_t(c.bytes);
  }
  flush(text.size());
  return out;
}

char32_t byte_to_character(unsigned char byte) { return byte_map().character[byte]; }

int character_to_byte(char32_t code) {
  return code < byte_map().byte.size() ? byte_map().byte[code] : -1;
}

std::string bytes_to_characters(std::string_view bytes) {
  std::string out;
  for (char c : bytes) append_utf8(out, byte_to_character(static_cast<unsigned char>(c)));
  return out;
}

std::optional<std::string> characters_to_bytes(std::string_view text) {
  std::string out;
  for (size_t at = 0; at < text.size();) {
    Utf8Character c = decode_utf8(text, at);
    int byte = c.valid ? character_to_byte(c.code) : -1;
    if (byte < 0) return std::nullopt;
    out += char(byte);
    at += size_t(c.bytes);
  }
  return out;
}

}  // namespace weir
