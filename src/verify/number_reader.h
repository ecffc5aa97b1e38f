// Reads one number at a known place of a number_text(), looking only forwards. What stands before
// it (a sign, an operator) is number_around.h's business.
#pragma once
#include <cstddef>
#include <optional>
#include <string_view>

#include "verify/number.h"

namespace weir {

// Whether a number in digits begins at text[at]: a digit, ".5" or \frac.
bool number_begins(std::string_view text, size_t at);
// It, with fraction, power, scale word (million, 万) and percent sign. Needs number_begins().
FoundNumber read_number(std::string_view text, size_t at);

// Whether a Chinese numeral stands at text[at], and the number it begins: 两千零五, 三点一四,
// 三分之二, 负 not included. Without a value where a numeral means no one number: 三四, 一万五.
bool han_number_begins(std::string_view text, size_t at);
FoundNumber read_han_number(std::string_view text, size_t at);
// The power of ten of 十, 百, 千, 万, 亿 and their formal and traditional forms at text[at], and
// the sign's length in bytes; a length of 0 for any other text, and for 千 in 千米, 千克.
struct HanScale {
  int exponent = 0;
  size_t length = 0;
};
HanScale han_scale(std::string_view text, size_t at);

// A word of English that multiplies: million is 1 and 6, dozen 12 and 0; nothing for others.
struct ScaleWord {
  int64_t whole = 0;
  int exponent = 0;
};
std::optional<ScaleWord> scale_word(std::string_view word);

// The letters that begin at text[at], and those that end before it, small, at most 24 of them.
std::string word_after(std::string_view text, size_t at);
std::string word_before(std::string_view text, size_t at);
// Blanks and tabs of one line.
size_t skip_blanks(std::string_view text, size_t at);
// The end of what hangs together with text[at]: letters, digits, LaTeX, points between them.
size_t end_of_cluster(std::string_view text, size_t at);

}  // namespace weir
