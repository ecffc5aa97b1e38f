// UTF-8 in and out, canonical composition, and GPT-2's map from bytes to printable characters.
// Nothing here fails on bad input: bytes that are not UTF-8 are reported as such and kept or
// replaced.
#pragma once
#include <cstddef>
#include <optional>
#include <string>
#include <string_view>

namespace weir {

struct Utf8Character {
  char32_t code;  // U+FFFD when invalid
  int bytes;  // 1 to 4; of an invalid sequence the longest part that could have begun a character
  bool valid;
};
// The character that begins at text[at]; at < text.size().
Utf8Character decode_utf8(std::string_view text, size_t at);
// How many bytes from the start are valid UTF-8.
size_t valid_utf8_prefix(std::string_view text);

// Every invalid part as U+FFFD, cut as the WHATWG decoder and Python's errors="replace" do.
std::string replace_invalid_utf8(std::string_view text);
// Bytes at the end that begin a character whose rest may still come: 0 to 3.
size_t unfinished_utf8_tail(std::string_view text);

// Canonical composition (NFC). Bytes that are not UTF-8 stay as they are. Runs of more than 256
// combining marks are composed in parts of that length, because reordering costs the square of a
// run.
std::string normalize_nfc(std::string_view text);

// GPT-2 writes every byte as one printable character: 0x21-0x7E, 0xA1-0xAC and 0xAE-0xFF as the
// code point of the same value, the other 68 in order as U+0100, U+0101 ... (a space is U+0120).
char32_t byte_to_character(unsigned char byte);
int character_to_byte(char32_t code);  // -1 when no byte is written so
std::string bytes_to_characters(std::string_view bytes);
// Nothing when some character stands for no byte.
std::optional<std::string> characters_to_bytes(std::string_view text);

}  // namespace weir
