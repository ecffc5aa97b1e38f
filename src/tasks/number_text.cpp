// Reads numbers out of text: decimals with thousands separators, fractions, mixed numbers, LaTeX
// fractions, scientific notation, percent. The reader moves only forwards.
#include <algorithm>
#include <array>

#include "tasks/number.h"
#include "tasks/plain_text.h"

namespace weir {
namespace {

// A decimal before it becomes part of a Number; `is_valid` is false for what has no place in one.
struct Decimal {
  std::string digits;
  int64_t exponent = 0;
  bool is_valid = true;
  bool is_whole = true;  // digits only, without separators, point or exponent
};

void normalize(Decimal& decimal) {
  const size_t first = decimal.digits.find_first_not_of('0');
  decimal.digits.erase(0, std::min(first, decimal.digits.size()));
  const size_t keep = decimal.digits.find_last_not_of('0') + 1;  // npos + 1 is 0
  decimal.exponent = keep == 0 ? 0 : decimal.exponent + int64_t(decimal.digits.size() - keep);
  decimal.digits.resize(keep);
  if (decimal.digits.size() > kNumberDigitsMax) decimal.is_valid = false;
}

class NumberReader {
 public:
  explicit NumberReader(std::string_view text) : text_(text) {}

  // The next number at or after the place of reading.
  std::optional<FoundNumber> next() {
    while (at_ < text_.size()) {
      const bool is_point = text_[at_] == '.' && is_digit(peek(1)) && before(at_, 1) != '.';
      if (const size_t length = fraction_command(); length > 0) {
        FoundNumber found{at_, 0, std::nullopt};
        const bool is_negative = has_minus(at_);
        at_ += length;
        found.value = latex_fraction();
        return finish(std::move(found), is_negative);
      }
      if (!is_digit(text_[at_]) && !is_point) {
        ++at_;
      } else if (belongs_to_a_name(at_)) {
        skip_run();
      } else {
        FoundNumber found{at_, 0, std::nullopt};
        const bool is_negative = has_minus(at_);
        found.value = number();
        return finish(std::move(found), is_negative);
      }
    }
    return std::nullopt;
  }

 private:
  char peek(size_t ahead) const { return at_ + ahead < text_.size() ? text_[at_ + ahead] : '\0'; }
  char before(size_t at, size_t back) const { return at >= back ? text_[at - back] : '\0'; }
  bool take(std::string_view word) {
    if (!text_.substr(at_).starts_with(word)) return false;
    at_ += word.size();
    return true;
  }
  void skip_blanks() {
    while (peek(0) == ' ' || peek(0) == '\t') ++at_;
  }
  // The rest of digits, points and commas that hang together.
  void skip_run() {
    while (is_digit(peek(0)) || ((peek(0) == '.' || peek(0) == ',') && is_digit(peek(1)))) ++at_;
  }
  size_t fraction_command() const {
    for (std::string_view name : {"\\frac", "\\dfrac", "\\tfrac", "\\cfrac"})
      if (text_.substr(at_).starts_with(name)) return name.size();
    return 0;
  }

  // x_1, m^2, m^{-2}, H2O; but not USD5, \times5.
  bool belongs_to_a_name(size_t at) const {
    size_t back = at;
    if (before(back, 1) == '-' || before(back, 1) == '+') --back;
    if (before(back, 1) == '{') --back;
    if (before(back, 1) == '^' || before(back, 1) == '_') return true;
    if (!is_letter(before(at, 1))) return false;
    size_t begin = at;
    while (begin > 0 && at - begin < 16 && is_letter(text_[begin - 1])) --begin;
    if (before(begin, 1) == '\\') return false;
    std::string word(text_.substr(begin, at - begin));
    for (char& c : word) c = lower(c);
    constexpr std::array kCurrencies = {"usd", "eur", "gbp", "cny", "rmb", "rs", "inr", "hkd"};
    return std::find(kCurrencies.begin(), kCurrencies.end(), word) == kCurrencies.end();
  }

  // A minus that is a sign: -5, -$5, =-5, = - 5, but not 10-5, A-5 or the dash of a list.
  bool has_minus(size_t at) const {
    if (before(at, 1) == '$') at -= before(at, 2) == '\\' ? 2 : 1;
    if (before(at, 1) == ' ' && before(at, 2) == '-')
      return before(at, 3) == '=' || (before(at, 3) == ' ' && before(at, 4) == '=');
    if (before(at, 1) != '-') return false;
    const char c = before(at, 2);
    return !is_digit(c) && !is_letter(c) && std::string_view(")]}-.%").find(c) == std::string::npos;
  }

  // Groups of three after one to three digits: the separator's length, or 0.
  size_t separator(size_t at, std::string_view mark) const {
    if (!text_.substr(at).starts_with(mark)) return 0;
    size_t digits = 0;
    while (digits < 4 && at + mark.size() + digits < text_.size() &&
           is_digit(text_[at + mark.size() + digits]))
      ++digits;
    return digits == 3 ? mark.size() : 0;
  }
  void thousands(Decimal& decimal) {
    for (std::string_view mark : {",", " ", "{,}", "\\,", "'"}) {
      if (separator(at_, mark) == 0) continue;
      decimal.is_whole = false;
      while (const size_t length = separator(at_, mark)) {
        decimal.digits += text_.substr(at_ + length, 3);
        at_ += length + 3;
      }
      return;
    }
  }

  // Digits with an optional sign and braces: the exponent of e5, ^5, ^{-5}.
  std::optional<int64_t> exponent() {
    const size_t begin = at_;
    const bool is_braced = take("{");
    const bool is_negative = take("-");
    if (!is_negative) take("+");
    int64_t value = 0;
    const size_t first = at_;
    for (; is_digit(peek(0)); ++at_)
      value = std::min(value * 10 + (text_[at_] - '0'), kNumberExponentMax + 1);
    if (at_ == first || (is_braced && !take("}"))) {
      at_ = begin;
      return std::nullopt;
    }
    return is_negative ? -value : value;
  }
  void apply(Decimal& decimal, int64_t power) {
    decimal.is_whole = false;
    if (power > kNumberExponentMax || power < -kNumberExponentMax) decimal.is_valid = false;
    decimal.exponent += power;
  }

  void read_powers(Decimal& decimal) {
    const size_t begin = at_;
    if (take("e") || take("E")) {
      const auto power = peek(0) == '{' ? std::nullopt : exponent();
      if (power && !is_letter(peek(0))) return apply(decimal, *power);
      at_ = begin;
    }
    if (take("^")) {
      const auto power = exponent();
      if (!power) {  // 90^\circ
        at_ = begin;
      } else if (decimal.is_whole && decimal.digits == "10") {
        decimal.digits = "1";
        apply(decimal, *power);
      } else {
        decimal.is_valid = false;
      }
      return;
    }
    skip_blanks();
    if (take("*") || take("x") || take("\\times") || take("\\cdot")) {
      skip_blanks();
      if (take("10^"))
        if (const auto power = exponent()) return apply(decimal, *power);
    }
    at_ = begin;
  }

  Decimal decimal() {
    Decimal decimal;
    const size_t begin = at_;
    while (is_digit(peek(0))) ++at_;
    decimal.digits = text_.substr(begin, at_ - begin);
    if (decimal.digits.size() >= 1 && decimal.digits.size() <= 3) thousands(decimal);
    if (peek(0) == '.' && is_digit(peek(1))) {
      decimal.is_whole = false;
      const size_t point = at_++;
      while (is_digit(peek(0))) ++at_;
      decimal.digits += text_.substr(point + 1, at_ - point - 1);
      decimal.exponent = -int64_t(at_ - point - 1);
      if (peek(0) == '.' && is_digit(peek(1))) {  // a version, an address
        decimal.is_valid = false;
        skip_run();
      }
    }
    read_powers(decimal);
    return decimal;
  }

  static std::optional<Number> quotient(Decimal top, Decimal bottom) {
    normalize(top);
    normalize(bottom);
    if (!top.is_valid || !bottom.is_valid || bottom.digits.empty()) return std::nullopt;
    Number number;
    number.top = std::move(top.digits);
    number.bottom = std::move(bottom.digits);
    number.exponent = number.top.empty() ? 0 : top.exponent - bottom.exponent;
    return number;
  }
  static Decimal one() { return {"1"}; }

  std::optional<Number> number() {
    Decimal top = decimal();
    const size_t begin = at_;
    skip_blanks();
    if (take("/")) {
      skip_blanks();
      if (is_digit(peek(0))) {
        Decimal bottom = decimal();
        if (peek(0) == '/' && is_digit(peek(1))) {  // a date
          bottom.is_valid = false;
          while (is_digit(peek(0)) || (peek(0) == '/' && is_digit(peek(1)))) ++at_;
        }
        return quotient(std::move(top), std::move(bottom));
      }
    } else if (top.is_whole) {
      if (auto mixed = mixed_number(top, at_ > begin)) return mixed;
    }
    at_ = begin;
    return quotient(std::move(top), one());
  }

  // 1 1/2 and 1\frac{1}{2}: whole numbers, the fraction below one.
  std::optional<Number> mixed_number(const Decimal& whole, bool after_blank) {
    Decimal top, bottom;
    if (const size_t length = fraction_command(); length > 0) {
      at_ += length;
      if (!argument(top) || !argument(bottom)) return std::nullopt;
    } else {
      if (!after_blank || !is_digit(peek(0))) return std::nullopt;
      top = digits_only();
      if (!take("/") || !is_digit(peek(0))) return std::nullopt;
      bottom = digits_only();
      if (peek(0) == '/' || peek(0) == '.') {
        if (is_digit(peek(1))) return std::nullopt;
      }
    }
    const auto value = small(whole), above = small(top), below = small(bottom);
    if (!value || !above || !below || *above >= *below) return std::nullopt;
    return quotient({std::to_string(*value * *below + *above)}, {std::to_string(*below)});
  }
  Decimal digits_only() {
    Decimal decimal;
    const size_t begin = at_;
    while (is_digit(peek(0))) ++at_;
    decimal.digits = text_.substr(begin, at_ - begin);
    return decimal;
  }
  // Below 10^9, so that a mixed number fits 64 bits.
  static std::optional<int64_t> small(const Decimal& decimal) {
    if (!decimal.is_valid || !decimal.is_whole || decimal.digits.empty() ||
        decimal.digits.size() > 9)
      return std::nullopt;
    return std::stoll(decimal.digits);
  }

  // One argument of \frac: {3}, { 1,234 } or a single digit; a sign only where one is asked for.
  bool argument(Decimal& out, bool* is_negative = nullptr) {
    skip_blanks();
    if (is_digit(peek(0))) {
      out.digits = text_.substr(at_++, 1);
      return true;
    }
    if (!take("{")) return false;
    skip_blanks();
    if (is_negative) *is_negative = take("-");
    if (!is_digit(peek(0))) return false;
    out = decimal();
    skip_blanks();
    return take("}");
  }
  std::optional<Number> latex_fraction() {
    const size_t begin = at_;
    Decimal top, bottom;
    bool is_negative = false;
    std::optional<Number> value;
    if (argument(top, &is_negative) && argument(bottom))
      value = quotient(std::move(top), std::move(bottom));
    if (!value) at_ = begin;
    if (value) value->is_negative = is_negative && !value->is_zero();
    return value;
  }

  FoundNumber finish(FoundNumber found, bool is_negative) {
    found.end = at_;
    if (!found.value) return found;
    if (is_negative && !found.value->is_zero())
      found.value->is_negative = !found.value->is_negative;
    skip_blanks();
    found.value->is_percent = text_.substr(0, found.begin).ends_with("百分之") || take("%") ||
                              take("\\%") || take("percent") || take("per cent");
    if (!found.value->is_percent) at_ = found.end;
    found.end = at_;
    return found;
  }

  std::string_view text_;
  size_t at_ = 0;
};

}  // namespace

std::optional<FoundNumber> first_number(std::string_view text) { return NumberReader(text).next(); }

std::optional<FoundNumber> last_number(std::string_view text) {
  NumberReader reader(text);
  std::optional<FoundNumber> last;
  while (auto found = reader.next()) last = std::move(found);
  return last;
}

}  // namespace weir
