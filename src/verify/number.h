// Numbers as people write them in answers, kept exactly: a sign, a quotient of two decimals and a
// power of ten. Every reader is linear in its text. A text that holds a number which no reader
// understands whole gives a FoundNumber without a value, and that equals nothing.
#pragma once
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "base/result.h"

namespace weir {

// +-top / bottom * 10^exponent. Digits without zeros at either end; top is "" for zero.
struct Number {
  bool is_negative = false;
  std::string top;
  std::string bottom = "1";
  int64_t exponent = 0;
  bool is_percent = false;  // written with a percent sign; the value is of the number before it
  // Written 3,14: a decimal comma, or two numbers of a list.
  bool has_decimal_comma = false;

  bool is_zero() const { return top.empty(); }
};

// As rationals, without rounding.
bool equal(const Number& a, const Number& b);
// |a - b| <= tolerance * |b|, for a tolerance in [0, 1), to some 18 digits.
bool near(const Number& a, const Number& b, double tolerance);
// A hundredth of it.
Number hundredth(Number number);
// `whole` * 10^exponent times it; `whole` is a number from 1.
Number times(Number number, int64_t whole, int64_t exponent);
// `digits` to a whole power, in decimal; nothing beyond kNumberDigitsMax digits.
std::optional<std::string> power(std::string_view digits, int64_t exponent);

constexpr size_t kNumberDigitsMax = 200;
constexpr int64_t kNumberExponentMax = 1'000'000;

// A number's place in a text. Without a value it is one that cannot be compared: 1.2.3, 3/0, more
// than kNumberDigitsMax digits, an exponent beyond kNumberExponentMax, a date, 4\sqrt{2}.
struct FoundNumber {
  size_t begin = 0, end = 0;  // without the sign
  std::optional<Number> value;
};

// One spelling for the many of numbers, on top of plain_text(): powers and indices as ^{..} and
// _{..}, LaTeX's blanks as ' ', signs such as the root as LaTeX commands. The readers below take
// such a text.
std::string number_text(std::string_view text);

// The last number of free text. Digits that belong to a name, an index or an exponent (H2O, x_1,
// m^2) are no numbers. A part of an expression, a range or a time has no value.
std::optional<FoundNumber> last_number(std::string_view text);

// Where a text that is to be one number stands: alone, where "- 5 apples" may be a list's item, or
// behind a mark of the answer, where it is -5.
enum class NumberPlace { alone, marked };
// The number that the whole text is, with its sign, currency and unit, and perhaps a label ("x =",
// "answer:"). No value when the text holds a number and more; nothing when it holds none.
std::optional<FoundNumber> one_number(std::string_view text, NumberPlace place);

}  // namespace weir
