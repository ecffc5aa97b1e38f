#include "documents/encoding_likelihood.h"

#include <algorithm>
#include <cstdint>

namespace weir {
namespace {

uint8_t byte_at(std::string_view bytes, size_t at) {
  return at < bytes.size() ? uint8_t(bytes[at]) : 0;
}
bool is_between(uint8_t byte, uint8_t low, uint8_t high) { return byte >= low && byte <= high; }
bool is_ascii_letter(uint8_t c) { return is_between(c | 0x20, 'a', 'z') && c < 0x80; }

// Level 1 of GB 2312 (rows B0 to D7) has the 3,755 most frequent characters, A1 to A3 punctuation.
bool is_frequent_gb(uint8_t first, uint8_t second) {
  return second >= 0xA1 && (is_between(first, 0xA1, 0xA3) || is_between(first, 0xB0, 0xD7));
}
// Level 1 of Big5 (A4 to C6) has the 5,401 most frequent ones.
bool is_frequent_big5(uint8_t first, uint8_t second) {
  return is_between(first, 0xA1, 0xC6) && (is_between(second, 0x40, 0x7E) || second >= 0xA1);
}
// Punctuation, kana and the kanji of level 1 (JIS X 0208).
bool is_frequent_jis(uint8_t first, uint8_t second) {
  if (second < 0x40 || second == 0x7F) return false;
  if (first == 0x82) return is_between(second, 0x4F, 0xF1);
  return first == 0x81 || first == 0x83 || is_between(first, 0x88, 0x97);
}

template <class IsLead, class IsFrequent>
double pairs(std::string_view bytes, IsLead is_lead, IsFrequent is_frequent) {
  size_t high = 0, explained = 0;
  for (size_t at = 0; at < bytes.size(); ++at) {
    if (byte_at(bytes, at) < 0x80) continue;
    const uint8_t first = byte_at(bytes, at), second = byte_at(bytes, at + 1);
    const size_t count = 1 + size_t(is_lead(first) && second >= 0x80);
    high += count;
    if (is_lead(first) && is_frequent(first, second)) explained += count;
    if (is_lead(first)) ++at;
  }
  return high == 0 ? 0 : double(explained) / double(high);
}

// A letter beside an ASCII letter, and at most two such letters in a row; or quotation marks,
// dashes, the signs of euro, pound, paragraph and degree.
double western(std::string_view bytes) {
  size_t high = 0, explained = 0;
  for (size_t at = 0; at < bytes.size();) {
    if (byte_at(bytes, at) < 0x80) {
      ++at;
      continue;
    }
    size_t end = at;
    while (end < bytes.size() && byte_at(bytes, end) >= 0x80) ++end;
    high += end - at;
    const bool is_in_word =
        (at > 0 && is_ascii_letter(byte_at(bytes, at - 1))) || is_ascii_letter(byte_at(bytes, end));
    for (size_t i = at; i < end; ++i) {
      const uint8_t c = byte_at(bytes, i);
      const bool is_sign = is_between(c, 0x91, 0x97) || c == 0x80 || c == 0x85 || c == 0xA0 ||
                           c == 0xA3 || c == 0xA7 || c == 0xA9 || c == 0xAB || c == 0xB0 ||
                           c == 0xBB;
      explained += is_sign || (c >= 0xC0 && c != 0xD7 && c != 0xF7 && is_in_word && end - at <= 2);
    }
    at = end;
  }
  return high == 0 ? 0 : double(explained) / double(high);
}

// Small letters, and capitals that begin a word; not beside Latin letters.
double cyrillic(std::string_view bytes) {
  size_t high = 0, explained = 0;
  for (size_t at = 0; at < bytes.size(); ++at) {
    const uint8_t c = byte_at(bytes, at);
    if (c < 0x80) continue;
    ++high;
    const uint8_t before = at > 0 ? byte_at(bytes, at - 1) : 0, after = byte_at(bytes, at + 1);
    if (is_ascii_letter(before) || is_ascii_letter(after)) continue;
    const bool is_capital = is_between(c, 0xC0, 0xDF) || c == 0xA8;
    const bool is_small = c >= 0xE0 || c == 0xB8;
    const bool is_sign = is_between(c, 0x91, 0x97) || c == 0xAB || c == 0xBB || c == 0xB9;
    explained += is_small || is_sign || (is_capital && before < 0xC0);
  }
  return high == 0 ? 0 : double(explained) / double(high);
}

}  // namespace

double encoding_likelihood(std::string_view bytes, std::string_view encoding) {
  const auto is_chinese_lead = [](uint8_t c) { return is_between(c, 0x81, 0xFE); };
  const auto is_japanese_lead = [](uint8_t c) {
    return is_between(c, 0x81, 0x9F) || is_between(c, 0xE0, 0xFC);
  };
  if (encoding == "GB18030") return pairs(bytes, is_chinese_lead, is_frequent_gb);
  if (encoding == "BIG5-HKSCS") return pairs(bytes, is_chinese_lead, is_frequent_big5);
  if (encoding == "CP932") return pairs(bytes, is_japanese_lead, is_frequent_jis);
  if (encoding == "WINDOWS-1252") return western(bytes);
  if (encoding == "WINDOWS-1251") return cyrillic(bytes);
  return 0;
}

}  // namespace weir
