#include "documents/text_encoding.h"

#include <iconv.h>
#include <uchardet/uchardet.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <memory>

#include "base/text.h"
#include "documents/encoding_likelihood.h"

namespace weir {
namespace {

using namespace std::string_view_literals;

constexpr size_t kLookedAtMax = size_t(1) << 20;

std::string upper_case(std::string_view text) {
  std::string upper(text);
  for (char& c : upper)
    if (c >= 'a' && c <= 'z') c = char(c - 'a' + 'A');
  return upper;
}

// Names as files declare them, for the superset that is really used: browsers read "ISO-8859-1" as
// Windows-1252 and "GB2312" as GB18030 (WHATWG Encoding, 4.2), and so do mail programs.
std::string usual_name(std::string_view name) {
  const std::string upper = upper_case(trim(name));
  constexpr std::array<std::array<std::string_view, 2>, 20> kSupersets = {{
      {"ISO-8859-1", "WINDOWS-1252"},
      {"ISO8859-1", "WINDOWS-1252"},
      {"LATIN1", "WINDOWS-1252"},
      {"US-ASCII", "WINDOWS-1252"},
      {"ASCII", "WINDOWS-1252"},
      {"CP1252", "WINDOWS-1252"},
      {"ISO-8859-9", "WINDOWS-1254"},
      {"GB2312", "GB18030"},
      {"GBK", "GB18030"},
      {"CP936", "GB18030"},
      {"X-GBK", "GB18030"},
      {"HZ-GB-2312", "HZ"},
      {"SHIFT_JIS", "CP932"},
      {"SHIFT-JIS", "CP932"},
      {"SJIS", "CP932"},
      {"X-SJIS", "CP932"},
      {"WINDOWS-31J", "CP932"},
      {"BIG5", "BIG5-HKSCS"},
      {"KS_C_5601-1987", "CP949"},
      {"EUC-KR", "CP949"},
  }};
  for (const auto& [from, to] : kSupersets)
    if (upper == from) return std::string(to);
  return upper == "UTF8" ? "UTF-8" : upper;
}

std::string_view byte_order_mark(std::string_view bytes, std::string& encoding) {
  for (auto [mark, name] : {std::pair{"\xEF\xBB\xBF"sv, "UTF-8"},
                            {"\xFF\xFE\0\0"sv, "UTF-32LE"},
                            {"\0\0\xFE\xFF"sv, "UTF-32BE"},
                            {"\xFF\xFE"sv, "UTF-16LE"},
                            {"\xFE\xFF"sv, "UTF-16BE"}}) {
    if (!bytes.starts_with(mark)) continue;
    encoding = name;
    return mark;
  }
  return {};
}

// UTF-16 without a mark: in one of two positions far more NULs than in the other (ASCII), or few
// distinct high bytes (other scripts: a Chinese text's high bytes lie in 0x4E to 0x9F).
std::string unmarked_wide(std::string_view bytes) {
  if (bytes.size() < 4 || bytes.size() % 2 != 0) return "";
  size_t zero[2] = {}, line_ends[2] = {};
  for (size_t i = 0; i < bytes.size(); ++i) zero[i % 2] += bytes[i] == 0;
  for (size_t i = 0; i + 1 < bytes.size(); i += 2) {
    line_ends[0] += bytes[i] == 0 && (bytes[i + 1] == '\n' || bytes[i + 1] == ' ');
    line_ends[1] += bytes[i + 1] == 0 && (bytes[i] == '\n' || bytes[i] == ' ');
  }
  const size_t pairs = bytes.size() / 2;
  if (zero[1] > pairs / 4 && zero[0] * 8 < zero[1]) return "UTF-16LE";
  if (zero[0] > pairs / 4 && zero[1] * 8 < zero[0]) return "UTF-16BE";
  if (zero[1] > 0 && line_ends[1] > 0 && zero[0] == 0) return "UTF-16LE";
  if (zero[0] > 0 && line_ends[0] > 0 && zero[1] == 0) return "UTF-16BE";
  return "";
}

std::string guess(std::string_view bytes) {
  const std::unique_ptr<uchardet, decltype(&uchardet_delete)> detector(uchardet_new(),
                                                                       uchardet_delete);
  if (uchardet_handle_data(detector.get(), bytes.data(), bytes.size()) != 0) return "";
  uchardet_data_end(detector.get());
  return usual_name(uchardet_get_charset(detector.get()));
}

// Characters that running text of an encoding hardly has: private use, unassigned, C1 controls, and
// Latin letters with a sign of currency or a box beside them. Fewer is better.
size_t odd_characters(std::string_view utf8) {
  size_t odd = 0;
  for (size_t i = 0; i < utf8.size(); ++i) {
    const unsigned char c = static_cast<unsigned char>(utf8[i]);
    const unsigned char next = i + 1 < utf8.size() ? static_cast<unsigned char>(utf8[i + 1]) : 0;
    if (c == 0xC2 && next < 0xA0) ++odd;                                 // C1
    if (c == 0xEE || (c == 0xEF && next >= 0x80 && next < 0xA4)) ++odd;  // U+E000 to U+F8FF
    if (c == 0xE2 && next >= 0x94 && next <= 0x96) ++odd;                // boxes and blocks
  }
  return odd;
}

bool is_known(const std::string& encoding) {
  const iconv_t converter = iconv_open("UTF-8", encoding.c_str());
  if (converter == iconv_t(-1)) return false;
  iconv_close(converter);
  return true;
}

// Without the character that the cut at kLookedAtMax may have split.
std::string_view looked_at(std::string_view bytes) {
  if (bytes.size() <= kLookedAtMax) return bytes;
  bytes = bytes.substr(0, kLookedAtMax);
  const size_t end = bytes.rfind('\n');
  return end == bytes.npos ? bytes : bytes.substr(0, end + 1);
}

// At most 1 % of the bytes are no characters, or characters that text hardly has.
bool fits(std::string_view bytes, const std::string& encoding) {
  size_t replaced = 0;
  const Result<std::string> text = convert_to_utf8(bytes, encoding, replaced);
  return text && (replaced + odd_characters(*text)) * 100 <= bytes.size();
}

// uchardet knows the statistics of many languages, but needs text; encoding_likelihood() does with
// a line.
std::string most_likely(std::string_view bytes) {
  std::string best = "WINDOWS-1252";
  double best_likelihood = -1;
  for (const char* encoding : {"WINDOWS-1252", "GB18030", "BIG5-HKSCS", "CP932", "WINDOWS-1251"}) {
    const double likelihood = fits(bytes, encoding) ? encoding_likelihood(bytes, encoding) : 0;
    if (likelihood <= best_likelihood) continue;
    best = encoding;
    best_likelihood = likelihood;
  }
  const std::string guessed = guess(bytes);
  if (guessed.empty() || guessed == "UTF-8" || !is_known(guessed) || !fits(bytes, guessed))
    return best;
  const double likelihood = encoding_likelihood(bytes, guessed);
  if (likelihood > 0) return likelihood + 0.15 >= best_likelihood ? guessed : best;
  // An encoding of which we have no frequencies.
  const auto high =
      std::ranges::count_if(bytes, [](char c) { return static_cast<unsigned char>(c) >= 0x80; });
  return best_likelihood < 0.8 || high >= 60 ? guessed : best;
}

std::string unified_lines(std::string text) {
  if (text.find('\r') == text.npos) return text;
  size_t kept = 0;
  for (size_t i = 0; i < text.size(); ++i) {
    if (text[i] != '\r')
      text[kept++] = text[i];
    else if (i + 1 == text.size() || text[i + 1] != '\n')
      text[kept++] = '\n';
  }
  text.resize(kept);
  return text;
}

}  // namespace

Result<std::string> convert_to_utf8(std::string_view bytes, const std::string& encoding,
                                    size_t& replaced) {
  const iconv_t converter = iconv_open("UTF-8", encoding.c_str());
  if (converter == iconv_t(-1))
    return Error{"the encoding '" + printable(encoding) + "' is not known"};
  std::string text;
  std::array<char, 1 << 14> buffer;
  char* in = const_cast<char*>(bytes.data());  // iconv does not write to it
  size_t left = bytes.size();
  while (left > 0) {
    char* out = buffer.data();
    size_t room = buffer.size();
    const size_t done = iconv(converter, &in, &left, &out, &room);
    text.append(buffer.data(), buffer.size() - room);
    if (done != size_t(-1)) break;
    if (errno == E2BIG) continue;
    append_utf8(text, 0xFFFD);
    ++replaced;
    iconv(converter, nullptr, nullptr, nullptr, nullptr);
    if (left == 0) break;
    const size_t unit = encoding.starts_with("UTF-32") ? 4 : encoding.starts_with("UTF-16") ? 2 : 1;
    const size_t skipped = std::min(left, unit);
    in += skipped;
    left -= skipped;
  }
  iconv_close(converter);
  return text;
}

std::string detect_encoding(std::string_view bytes, std::string_view declared) {
  bytes = looked_at(bytes);
  std::string encoding;
  if (!byte_order_mark(bytes, encoding).empty()) return encoding;
  if (std::string wide = unmarked_wide(bytes); !wide.empty()) return wide;
  if (bytes.find('\0') != bytes.npos) return "";
  const size_t broken = first_invalid_utf8(bytes);
  const std::string name = usual_name(declared);
  const bool is_seven_bit =
      std::ranges::none_of(bytes, [](char c) { return static_cast<unsigned char>(c) >= 0x80; });
  if (is_seven_bit) {
    // ISO-2022-JP and HZ are written in ASCII bytes.
    if (bytes.find('\x1b') != bytes.npos) {
      std::string guessed = guess(bytes);
      if (guessed.starts_with("ISO-2022")) return guessed;
    }
    return name.starts_with("ISO-2022") || name == "HZ" || name == "UTF-7" ? name : "UTF-8";
  }
  if (broken == std::string_view::npos) return "UTF-8";

  if (!name.empty() && name != "UTF-8" && is_known(name) && fits(bytes, name)) return name;
  // A few damaged bytes in UTF-8 are no other encoding.
  size_t replaced = 0;
  if (const auto text = convert_to_utf8(bytes, "UTF-8", replaced); text) {
    size_t beyond_ascii = 0;
    for (const char c : *text) beyond_ascii += static_cast<unsigned char>(c) >= 0xC0;
    if (beyond_ascii > 5 * replaced) return "UTF-8";
  }
  return most_likely(bytes);
}

Result<DecodedText> decode_text(std::string_view bytes, std::string_view declared) {
  DecodedText decoded;
  decoded.encoding = detect_encoding(bytes, declared);
  if (decoded.encoding.empty())
    return Error{
        "holds NUL bytes and is no UTF-16: this is no text; give the file its real ending"};
  std::string marked;
  bytes.remove_prefix(byte_order_mark(bytes, marked).size());
  if (decoded.encoding == "UTF-8" && first_invalid_utf8(bytes) == bytes.npos) {
    decoded.text = unified_lines(std::string(bytes));
  } else {
    decoded.text = unified_lines(TRY(convert_to_utf8(bytes, decoded.encoding, decoded.replaced)));
  }
  if (decoded.replaced * 100 > bytes.size())
    return Error{"more than 1 % of the bytes are no characters of " + decoded.encoding +
                 ", the most likely encoding; convert the file to UTF-8"};
  std::erase(decoded.text, '\0');
  return decoded;
}

std::string declared_encoding(std::string_view markup) {
  const std::string head = upper_case(markup.substr(0, 1024));
  for (const std::string_view key : {"ENCODING="sv, "CHARSET="sv}) {
    size_t at = head.find(key);
    if (at == head.npos) continue;
    at += key.size();
    while (at < head.size() && (head[at] == '"' || head[at] == '\'' || head[at] == ' ')) ++at;
    const size_t end = std::min(head.find_first_of("\"' ;>?/", at), head.size());
    if (end > at && end - at < 40) return head.substr(at, end - at);
  }
  return "";
}

}  // namespace weir
