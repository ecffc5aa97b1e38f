// Small helpers on strings: numbers for people, splitting, nearest known word.
#pragma once
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace weir {

std::string format_bytes(double bytes);      // "1.4 GiB"
std::string format_count(double count);      // "15.7 B", "2.8 M"
std::string format_seconds(double seconds);  // "2 m 05 s"
std::vector<std::string> split(std::string_view text, char separator);
std::string_view trim(std::string_view text);
// The whole text must be one number, in decimal, without blanks; no infinities.
Result<int64_t> parse_int(std::string_view text);
Result<double> parse_double(std::string_view text);
// The known word with the smallest edit distance, or "" when none is near (more than 3 edits).
std::string nearest_word(std::string_view word, const std::vector<std::string>& known);
// Text from outside as it may stand in a message: control characters, which a terminal would obey,
// and bytes that are no UTF-8 become '?', and what exceeds `bytes_max` becomes "...".
std::string printable(std::string_view text, size_t bytes_max = 80);
// The first character of a text, or its first byte when that is no UTF-8. Hidden: a control
// character (C0, DEL, C1), which a terminal would obey, or such a byte.
struct ShownCharacter {
  std::string_view bytes;
  bool is_hidden;
};
ShownCharacter first_character(std::string_view text);
void append_utf8(std::string& out, char32_t code);
int hex_digit(char c);  // its value; -1 for other characters
// First byte that is not part of valid UTF-8, or npos.
size_t first_invalid_utf8(std::string_view text);

}  // namespace weir
