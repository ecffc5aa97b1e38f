#include "base/encoding.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/text.h"

namespace weir {
namespace {

constexpr size_t kLookedAtMax = size_t(1) << 20;  // bytes

uint8_t byte_at(std::string_view bytes, size_t i) { return uint8_t(bytes[i]); }

// UTF-16 and UTF-32 by their byte order mark, or by the NULs in every other byte of Latin letters.
const char* wide_encoding(std::string_view bytes) {
  using namespace std::string_view_literals;
  if (bytes.starts_with("\xff\xfe\0\0"sv)) return "UTF-32LE";
  if (bytes.starts_with("\0\0\xfe\xff"sv)) return "UTF-32BE";
  if (bytes.starts_with("\xff\xfe"sv)) return "UTF-16LE";
  if (bytes.starts_with("\xfe\xff"sv)) return "UTF-16BE";
  // Rows begin with a bracket, perhaps after blanks.
  if (bytes.size() < 4) return nullptr;
  auto is_ascii = [&](size_t i) { return byte_at(bytes, i) != 0 && byte_at(bytes, i) < 0x80; };
  if (is_ascii(0) && bytes[1] == 0 && is_ascii(2) && bytes[3] == 0) return "UTF-16LE";
  if (bytes[0] == 0 && is_ascii(1) && bytes[2] == 0 && is_ascii(3)) return "UTF-16BE";
  return nullptr;
}

// What the bytes above 0x7f could be, counted in one pass.
struct HighBytes {
  size_t utf8 = 0;    // characters of valid UTF-8
  size_t broken = 0;  // bytes that are none
  // Two high bytes in a row, as in GBK, Big5 and Shift-JIS, and high bytes before an ASCII one. In
  // GB2312, the older part of GBK that nearly all Chinese text keeps to, both are 0xa1 or above.
  size_t pairs = 0, high_pairs = 0, single = 0;
};

HighBytes count_high_bytes(std::string_view bytes) {
  HighBytes count;
  for (size_t at = 0; at < bytes.size(); ++at) {
    const size_t end = at + std::min(first_invalid_utf8(bytes.substr(at)), bytes.size() - at);
    for (; at < end; ++at) count.utf8 += byte_at(bytes, at) >= 0xc0;
    count.broken += at < bytes.size();
  }
  for (size_t at = 0; at < bytes.size(); ++at) {
    if (byte_at(bytes, at) < 0x80) continue;
    const uint8_t next = at + 1 < bytes.size() ? byte_at(bytes, at + 1) : 0;
    const bool is_pair =
        byte_at(bytes, at) >= 0x81 && byte_at(bytes, at) <= 0xfe && next >= 0x80 && next <= 0xfe;
    count.pairs += is_pair;
    count.high_pairs += is_pair && byte_at(bytes, at) >= 0xa1 && next >= 0xa1;
    count.single += !is_pair;
    at += is_pair;
  }
  return count;
}

std::string remedy(const char* name, const char* for_iconv, const std::string& path) {
  const size_t dot = path.rfind('.');
  const std::string ending = dot != path.npos && path.size() - dot <= 6 ? path.substr(dot) : "";
  return fmt::format("{}; convert it to UTF-8: iconv -f {} -t UTF-8 '{}' > utf8{}", name, for_iconv,
                     printable(path, 400), printable(ending));
}

}  // namespace

std::string foreign_encoding(std::string_view bytes, const std::string& path) {
  bytes = bytes.substr(0, kLookedAtMax);
  while (bytes.size() + 8 > kLookedAtMax && byte_at(bytes, bytes.size() - 1) >= 0x80)
    bytes.remove_suffix(1);  // perhaps half a character
  if (const char* wide = wide_encoding(bytes)) return remedy(wide, wide, path);
  const HighBytes count = count_high_bytes(bytes);
  // A few damaged characters are the business of their row.
  if (count.broken <= count.utf8) return "";
  if (bytes.find('\0') != bytes.npos) return "";  // no text at all
  // In Big5 and Shift-JIS about half of the second bytes are ASCII; in Latin scripts nearly all
  // are.
  if (2 * count.pairs <= count.single)
    return remedy("not valid UTF-8, probably Windows-1252 (Latin-1)", "WINDOWS-1252", path);
  if (10 * count.high_pairs >= 9 * count.pairs && count.pairs > 9 * count.single)
    return remedy("not valid UTF-8, probably GBK (GB 18030)", "GB18030", path);
  return remedy("not valid UTF-8, perhaps Big5, Shift-JIS or GBK (GB 18030)", "BIG5", path);
}

}  // namespace weir
