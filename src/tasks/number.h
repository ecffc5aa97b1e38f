// Numbers as people write them in answers, kept exactly: a sign, a quotient of two decimals and a
// power of ten. Every reader is linear in its text.
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

  bool is_zero() const { return top.empty(); }
};

// As rationals, without rounding.
bool equal(const Number& a, const Number& b);
// |a - b| <= tolerance * |b|, for a tolerance in [0, 1), to some 18 digits.
bool near(const Number& a, const Number& b, double tolerance);
// A hundredth of it.
Number hundredth(Number number);

constexpr size_t kNumberDigitsMax = 200;
constexpr int64_t kNumberExponentMax = 1'000'000;

// A number's place in a text. Without a value it is one that cannot be compared: 1.2.3, 3/0, more
// than kNumberDigitsMax digits, an exponent beyond kNumberExponentMax, a date.
struct FoundNumber {
  size_t begin = 0, end = 0;  // without the sign
  std::optional<Number> value;
};
// In a plain_text(). Digits that belong to a name, an index or an exponent (H2O, x_1, m^2) are no
// numbers.
std::optional<FoundNumber> first_number(std::string_view text);
std::optional<FoundNumber> last_number(std::string_view text);

}  // namespace weir
