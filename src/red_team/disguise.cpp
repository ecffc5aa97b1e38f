#include "red_team/disguise.h"

#include <algorithm>
#include <vector>

#include "base/text.h"
#include "text/unicode.h"

namespace weir {
namespace {

std::string rot13(std::string text) {
  for (char& c : text) {
    if (c >= 'a' && c <= 'z') c = char('a' + (c - 'a' + 13) % 26);
    if (c >= 'A' && c <= 'Z') c = char('A' + (c - 'A' + 13) % 26);
  }
  return text;
}

std::vector<std::string> characters(std::string_view text) {
  std::vector<std::string> all;
  for (size_t at = 0; at < text.size();) {
    const int bytes = decode_utf8(text, at).bytes;
    all.emplace_back(text.substr(at, size_t(bytes)));
    at += size_t(bytes);
  }
  return all;
}

}  // namespace

std::string base64(std::string_view bytes) {
  static constexpr char kDigits[] =
      "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  std::string out;
  for (size_t i = 0; i < bytes.size(); i += 3) {
    const size_t count = std::min<size_t>(3, bytes.size() - i);
    uint32_t group = 0;
    for (size_t k = 0; k < 3; ++k) group = group << 8 | (k < count ? uint8_t(bytes[i + k]) : 0);
    for (size_t k = 0; k < 4; ++k) out += k <= count ? kDigits[group >> (18 - 6 * k) & 63] : '=';
  }
  return out;
}

std::string encoded(std::string_view text, uint64_t number) {
  const bool has_latin = std::any_of(text.begin(), text.end(),
                                     [](char c) { return (c | 32) >= 'a' && (c | 32) <= 'z'; });
  std::vector<std::string> parts = characters(text);
  std::string out;
  switch (number % 4) {
    case 0:
      return base64(text);
    case 1:
      if (has_latin) return rot13(std::string(text));
      [[fallthrough]];
    case 2:
      std::reverse(parts.begin(), parts.end());
      for (const std::string& part : parts) out += part;
      return out;
    default:
      for (const std::string& part : parts) out += out.empty() ? part : "-" + part;
      return out;
  }
}

}  // namespace weir
