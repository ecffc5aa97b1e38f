// Text as Python sees it: a sequence of characters, with Python's idea of blanks, letter case and
// line ends. Everything here expects valid UTF-8.
#pragma once
#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include "text/traced_text.h"

namespace weir::jinja {

bool is_space(char32_t code);  // str.isspace()

// Without blanks at one side.
std::string_view strip_begin(std::string_view text);
std::string_view strip_end(std::string_view text);

size_t count_characters(std::string_view text);
// The byte where character number `index` begins; text.size() when there are not so many.
size_t byte_of_character(std::string_view text, size_t index);
// The byte where the character before `at` begins; at > 0.
size_t previous_character(std::string_view text, size_t at);
// Where each line lies, without its end; `ends[i]` is where the end of line i ends.
struct Line {
  TextSpan content;
  size_t end = 0;  // after the line's end, if it has one
};
std::vector<Line> split_lines(std::string_view text);  // str.splitlines()

// First place at or after `from` where `wanted` stands, or npos. Takes linear time.
size_t find_text(std::string_view text, std::string_view wanted, size_t from = 0);

enum class LetterCase { upper, lower, capitalized, titled, words };
// str.upper(), lower(), capitalize(), title(), and jinja2's filter 'title'; one character may
// become two (ß, SS).
TracedText with_case(const TracedText& text, LetterCase wanted);

}  // namespace weir::jinja
