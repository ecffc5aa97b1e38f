// The arithmetic of Number; number_reader.h reads them.
#include "verify/number.h"

#include <algorithm>
#include <cmath>

namespace weir {
namespace {

// Moves the zeros at the end of `digits` into the exponent.
void strip_zeros(std::string& digits, int64_t& exponent) {
  const size_t last = digits.find_last_not_of('0');
  const size_t keep = last == digits.npos ? 0 : last + 1;
  exponent += int64_t(digits.size() - keep);
  digits.resize(keep);
}

// The product of two numbers in decimal, each of at most kNumberDigitsMax digits.
std::string multiply(std::string_view a, std::string_view b) {
  std::string product(a.size() + b.size(), '\0');
  for (size_t i = a.size(); i-- > 0;) {
    int carry = 0;
    for (size_t j = b.size(); j-- > 0;) {
      const int sum = (a[i] - '0') * (b[j] - '0') + product[i + j + 1] + carry;
      product[i + j + 1] = char(sum % 10);
      carry = sum / 10;
    }
    product[i] = char(product[i] + carry);
  }
  for (char& digit : product) digit = char(digit + '0');
  return product.substr(std::min(product.find_first_not_of('0'), product.size()));
}

struct Scaled {
  long double fraction;  // 0.1 to 1
  int64_t exponent;
};
Scaled scaled(std::string_view digits) {
  long double fraction = 0, place = 0.1L;
  for (char digit : digits.substr(0, 24)) fraction += place * (digit - '0'), place /= 10;
  return {fraction, int64_t(digits.size())};
}

}  // namespace

bool equal(const Number& a, const Number& b) {
  if (a.is_zero() || b.is_zero()) return a.is_zero() && b.is_zero();
  if (a.is_negative != b.is_negative) return false;
  std::string left = multiply(a.top, b.bottom), right = multiply(b.top, a.bottom);
  int64_t left_exponent = a.exponent, right_exponent = b.exponent;
  strip_zeros(left, left_exponent);
  strip_zeros(right, right_exponent);
  return left == right && left_exponent == right_exponent;
}

bool near(const Number& a, const Number& b, double tolerance) {
  if (equal(a, b)) return true;
  if (a.is_zero() || b.is_zero() || a.is_negative != b.is_negative) return false;
  const Scaled at = scaled(a.top), ab = scaled(a.bottom), bt = scaled(b.top), bb = scaled(b.bottom);
  const int64_t power =
      at.exponent - ab.exponent + a.exponent - (bt.exponent - bb.exponent + b.exponent);
  if (power < -20 || power > 20) return false;
  const long double ratio =
      at.fraction / ab.fraction * bb.fraction / bt.fraction * std::pow(10.0L, int(power));
  // The slack lets 101 lie within 0.01 of 100 although 0.01 has no exact binary form.
  return std::fabs(ratio - 1) <= static_cast<long double>(tolerance) * (1 + 1e-9L);
}

Number hundredth(Number number) {
  number.exponent -= 2;
  return number;
}

Number times(Number number, int64_t whole, int64_t exponent) {
  if (number.is_zero()) return number;
  number.top = multiply(number.top, std::to_string(whole));
  number.exponent += exponent;
  strip_zeros(number.top, number.exponent);
  return number;
}

std::optional<std::string> power(std::string_view digits, int64_t exponent) {
  if (digits.size() > kNumberDigitsMax) return std::nullopt;
  digits.remove_prefix(std::min(digits.find_first_not_of('0'), digits.size()));
  if (exponent < 0 || (digits.empty() && exponent == 0)) return std::nullopt;
  if (digits.empty() || digits == "1" || exponent == 0) return digits.empty() ? "0" : "1";
  // Any other base doubles with each step, so that 200 digits end the loop.
  std::string product = "1";
  for (int64_t i = 0; i < exponent; ++i) {
    product = multiply(product, digits);
    if (product.size() > kNumberDigitsMax) return std::nullopt;
  }
  return product;
}

}  // namespace weir
