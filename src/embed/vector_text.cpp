#include "embed/vector_text.h"

#include <fmt/format.h>

#include <bit>
#include <cstdint>
#include <iterator>

namespace weir {

std::string vector_json(std::span<const float> vector) {
  std::string text = "[";
  for (const float x : vector) {
    if (text.size() > 1) text += ',';
    fmt::format_to(std::back_inserter(text), "{}", x);
  }
  return text + ']';
}

std::string vector_base64(std::span<const float> vector) {
  constexpr char kDigits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  std::string bytes;
  for (const float x : vector)
    for (int shift = 0; shift < 32; shift += 8)
      bytes += char(std::bit_cast<uint32_t>(x) >> shift & 0xFF);
  std::string text;
  for (size_t i = 0; i < bytes.size(); i += 3) {
    uint32_t three = 0;
    for (size_t b = 0; b < 3; ++b)
      three = three << 8 | (i + b < bytes.size() ? uint8_t(bytes[i + b]) : 0);
    for (int shift = 18; shift >= 0; shift -= 6) text += kDigits[three >> shift & 63];
  }
  for (size_t missing = (3 - bytes.size() % 3) % 3, i = 1; i <= missing; ++i)
    text[text.size() - i] = '=';
  return text;
}

}  // namespace weir
