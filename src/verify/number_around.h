// What stands around a number in free text: its sign, or an expression, range or word that makes
// it a part of something else.
#pragma once
#include <cstddef>
#include <string_view>

namespace weir {

enum class Before { nothing, minus, part_of_more };
// How the text before `begin`, a number's first character, bears on it. Looks back at most some
// dozen characters.
Before look_before(std::string_view text, size_t begin);

// Whether the text from `end`, behind the number that begins at `begin`, makes it a part of
// something else: 5x, 3\pi, 12:30, 2^x, (3, 5), 3个半.
bool is_continued(std::string_view text, size_t begin, size_t end);

// A LaTeX command that only dresses what it holds, such as \text; `name` without the backslash.
bool is_dress(std::string_view name);
// One letter that is more often a variable or a scale (5k, 3M) than a unit.
bool is_variable(char letter);

}  // namespace weir
