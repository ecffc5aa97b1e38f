// Numbers in digits: thousands, decimal points and commas, fractions, mixed numbers, powers, scale
// words, percent. The reader moves only forwards.
#include "verify/number_reader.h"

#include <algorithm>
#include <array>

#include "verify/plain_text.h"

namespace weir {
namespace {

// A decimal before it becomes part of a Number; `is_valid` is false for what has no place in one.
struct Decimal {
  std::string digits;
  int64_t exponent = 0;
  bool is_valid = true;
  bool is_whole = true;  // digits only, without separators, point or exponent
  bool is_negative = false;
  bool has_comma = false;  // a decimal comma
};

void normalize(Decimal& decimal) {
  const size_t first = decimal.digits.find_first_not_of('0');
  decimal.digits.erase(0, std::min(first, decimal.digits.size()));
  const size_t keep = decimal.digits.find_last_not_of('0') + 1;  // npos + 1 is 0
  decimal.exponent = keep == 0 ? 0 : decimal.exponent + int64_t(decimal.digits.size() - keep);
  decimal.digits.resize(keep);
  if (decimal.digits.size() > kNumberDigitsMax) decimal.is_valid = false;
}

std::optional<Number> quotient(Decimal top, Decimal bottom) {
  normalize(top);
  normalize(bottom);
  if (!top.is_valid || !bottom.is_valid || bottom.digits.empty()) return std::nullopt;
  Number number;
  number.is_negative = top.is_negative != bottom.is_negative && !top.digits.empty();
  number.top = std::move(top.digits);
  number.bottom = std::move(bottom.digits);
  number.exponent = number.top.empty() ? 0 : top.exponent - bottom.exponent;
  number.has_decimal_comma = top.has_comma || bottom.has_comma;
  return number;
}

constexpr std::string_view kFraction = "\\frac";

class DigitReader {
 public:
  DigitReader(std::string_view text, size_t at) : text_(text), at_(at) {}

  FoundNumber read() {
    FoundNumber found{at_, 0, std::nullopt};
    if (take(kFraction)) {
      found.value = latex_fraction();
    } else {
      found.value = number();
    }
    if (found.value) {
      times_power_of_ten(*found.value);
      scale(found);
      percent(*found.value, found.begin);
      if (found.value->exponent > kNumberExponentMax || found.value->exponent < -kNumberExponentMax)
        if (!found.value->is_zero()) found.value.reset();
    }
    if (!found.value) at_ = end_of_cluster(text_, at_);
    found.end = at_;
    return found;
  }

 private:
  char peek(size_t ahead) const { return at_ + ahead < text_.size() ? text_[at_ + ahead] : '\0'; }
  bool take(std::string_view word) {
    if (!text_.substr(at_).starts_with(word)) return false;
    at_ += word.size();
    return true;
  }
  void skip() { at_ = skip_blanks(text_, at_); }
  std::string_view digit_run() {
    const size_t begin = at_;
    while (is_digit(peek(0))) ++at_;
    return text_.substr(begin, at_ - begin);
  }
  size_t digits_at(size_t at) const {
    size_t count = 0;
    while (at + count < text_.size() && is_digit(text_[at + count])) ++count;
    return count;
  }

  // Groups behind commas: thousands by three, India's by two with three at the end, else a decimal
  // comma. 1,0000 is China's ten thousand or a decimal: it has no value.
  void comma_groups(Decimal& decimal, std::string_view mark) {
    const size_t first = decimal.digits.size();
    size_t groups = 0, last = 0;
    bool are_threes = true, are_twos = true;
    std::string behind;
    while (text_.substr(at_).starts_with(mark) && digits_at(at_ + mark.size()) > 0) {
      if (groups > 0) are_twos &= last == 2;
      at_ += mark.size();
      const std::string_view group = digit_run();
      behind += group;
      last = group.size();
      are_threes &= last == 3;
      ++groups;
    }
    if (groups == 0) return;
    const bool leads_zero = decimal.digits[0] == '0';
    decimal.is_whole = false;
    decimal.digits += behind;
    if (!leads_zero && first <= 3 && are_threes) return;
    if (!leads_zero && first <= 2 && groups > 1 && are_twos && last == 3) return;
    decimal.has_comma = true;
    decimal.exponent = -int64_t(last);
    if (groups > 1 || last == 4 || (last == 3 && !(leads_zero && first == 1)))
      decimal.is_valid = false;
  }
  // Groups of three behind any other mark.
  void marked_groups(Decimal& decimal, std::string_view mark) {
    while (text_.substr(at_).starts_with(mark) && digits_at(at_ + mark.size()) == 3) {
      decimal.is_whole = false;
      at_ += mark.size();
      decimal.digits += digit_run();
    }
  }
  // 1 234,56
  void comma_behind_groups(Decimal& decimal) {
    const size_t length = digits_at(at_ + 1);
    if (length == 0 || length > 2) return;
    ++at_;
    decimal.digits += digit_run();
    decimal.exponent = -int64_t(length);
    decimal.has_comma = true;
  }

  Decimal decimal() {
    Decimal decimal;
    decimal.digits = digit_run();
    if (!decimal.digits.empty()) {
      for (std::string_view mark : {",", "{,}"})
        if (decimal.is_whole) comma_groups(decimal, mark);
      for (std::string_view mark : {" ", "'", "_"})
        if (decimal.is_whole && decimal.digits.size() <= 3) marked_groups(decimal, mark);
      if (peek(0) == ',' && !decimal.is_whole && !decimal.has_comma) comma_behind_groups(decimal);
    }
    if (peek(0) == '.' && is_digit(peek(1))) {
      if (decimal.has_comma) decimal.is_valid = false;
      decimal.is_whole = false;
      ++at_;
      const std::string_view behind = digit_run();
      decimal.digits += behind;
      decimal.exponent = -int64_t(behind.size());
      const bool goes_on = (peek(0) == '.' || peek(0) == ',') && is_digit(peek(1));
      const bool repeats = peek(0) == '.' && peek(1) == '.';               // 0.333...
      if (goes_on || repeats) decimal.is_valid = false;                    // a version, 1.234,5
    } else if (peek(0) == '.' && peek(1) == '\\' && is_letter(peek(2))) {  // 0.\overline{3}
      decimal.is_valid = false;
    }
    exponents(decimal);
    return decimal;
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
  static void apply(Decimal& decimal, int64_t power) {
    decimal.is_whole = false;
    if (power > kNumberExponentMax || power < -kNumberExponentMax) decimal.is_valid = false;
    decimal.exponent += power;
  }

  // 1e5, 10^5, 2^10.
  void exponents(Decimal& decimal) {
    const size_t begin = at_;
    if (take("e") || take("E")) {
      const auto power = peek(0) == '{' ? std::nullopt : exponent();
      if (power && !is_letter(peek(0))) return apply(decimal, *power);
      at_ = begin;
    }
    if (!take("^")) return;
    const auto value = exponent();
    if (!value) {  // 90^\circ, 5^{th}, 2^x
      at_ = begin;
    } else if (!decimal.is_whole || peek(0) == '^') {
      decimal.is_valid = false;
    } else if (decimal.digits == "10") {
      decimal.digits = "1";
      apply(decimal, *value);
    } else if (auto raised = power(decimal.digits, *value)) {
      decimal.digits = std::move(*raised);
      decimal.is_whole = false;
    } else {
      decimal.is_valid = false;
    }
  }
  // 3 x 10^5, of the number so far.
  void times_power_of_ten(Number& number) {
    const size_t begin = at_;
    skip();
    if (take("*") || take("x") || take("\\times") || take("\\cdot")) {
      skip();
      if (take("10^")) {
        const auto power = exponent();
        if (power && peek(0) != '^') {
          if (!number.is_zero()) number.exponent += *power;
          return;
        }
      }
    }
    at_ = begin;
  }

  std::optional<Number> number() {
    Decimal top = decimal();
    if (!top.is_valid) return std::nullopt;
    const size_t begin = at_;
    skip();
    if (take("/")) {
      skip();
      Decimal bottom;
      const bool is_negative = peek(0) == '-' && is_digit(peek(1)) && take("-");
      if (is_digit(peek(0))) {
        bottom = decimal();
        bottom.is_negative = is_negative;
        if (peek(0) == '/' && is_digit(peek(1))) bottom.is_valid = false;  // a date
        return quotient(std::move(top), std::move(bottom));
      }
    } else if (take("分之")) {  // 3分之2
      skip();
      if (is_digit(peek(0))) return quotient(decimal(), std::move(top));
      return std::nullopt;
    } else if (top.is_whole) {
      if (auto mixed = mixed_number(top, at_ > begin)) return mixed;
    }
    at_ = begin;
    return quotient(std::move(top), {"1"});
  }

  // 1 1/2 and 1\frac{1}{2}: whole numbers, the fraction below one.
  std::optional<Number> mixed_number(const Decimal& whole, bool after_blank) {
    Decimal top, bottom;
    if (take(kFraction)) {
      if (!argument(top) || !argument(bottom)) return std::nullopt;
    } else {
      if (!after_blank || !is_digit(peek(0))) return std::nullopt;
      top.digits = digit_run();
      if (!take("/") || !is_digit(peek(0))) return std::nullopt;
      bottom.digits = digit_run();
      if (peek(0) == '/' || peek(0) == '.') {
        if (is_digit(peek(1))) return std::nullopt;
      }
    }
    const auto value = small(whole), above = small(top), below = small(bottom);
    if (!value || !above || !below || *above >= *below) return std::nullopt;
    return quotient({std::to_string(*value * *below + *above)}, {std::to_string(*below)});
  }
  // Below 10^9, so that a mixed number fits 64 bits.
  static std::optional<int64_t> small(const Decimal& decimal) {
    if (!decimal.is_valid || !decimal.is_whole || decimal.is_negative || decimal.digits.empty() ||
        decimal.digits.size() > 9)
      return std::nullopt;
    return std::stoll(decimal.digits);
  }

  // One argument of \frac: {3}, {- 1,234 } or a single digit.
  bool argument(Decimal& out) {
    skip();
    if (is_digit(peek(0))) {
      out.digits = text_.substr(at_++, 1);
      return true;
    }
    if (!take("{")) return false;
    skip();
    const bool is_negative = take("-");
    if (is_negative) skip();
    if (!is_digit(peek(0))) return false;
    out = decimal();
    out.is_negative = is_negative;
    skip();
    return take("}");
  }
  std::optional<Number> latex_fraction() {
    Decimal top, bottom;
    if (!argument(top) || !argument(bottom)) return std::nullopt;
    return quotient(std::move(top), std::move(bottom));
  }

  // Million, dozen, 万, and the parts of 3亿5000万.
  void scale(FoundNumber& found) {
    size_t at = skip_blanks(text_, at_);
    if (at == at_ && peek(0) == '-') ++at;  // 5-million
    const bool is_boxed = text_.substr(at).starts_with("\\text{");
    if (is_boxed) at = skip_blanks(text_, at + 6);
    std::string word = word_after(text_, at);
    while (const auto scale = scale_word(word)) {
      at_ = at + word.size();
      found.value = times(std::move(*found.value), scale->whole, scale->exponent);
      at = skip_blanks(text_, at_);
      word = word_after(text_, at);
    }
    if (is_boxed && peek(0) == '}') ++at_;
    han_scales(found);
  }
  void han_scales(FoundNumber& found) {
    int exponent = 0;
    for (HanScale next = han_scale(text_, at_); next.length > 0; next = han_scale(text_, at_)) {
      exponent += next.exponent;
      at_ += next.length;
    }
    if (exponent == 0) return;
    found.value = times(std::move(*found.value), 1, exponent);
    const size_t after = take("零") ? at_ : skip_blanks(text_, at_);
    if (after < text_.size() && is_digit(text_[after]))
      add_part(found, exponent);
    else if (after == at_ && han_number_begins(text_, at_))
      found.value.reset();
  }
  // The 5000万 of 3亿5000万, where both parts are whole and the second fills the first one's zeros.
  void add_part(FoundNumber& found, int exponent) {
    const bool has_zero = text_.substr(0, at_).ends_with("零");
    const Number above = *found.value;
    FoundNumber part{at_, 0, std::nullopt};
    const Decimal digits = decimal();
    part.value = quotient(digits, {"1"});
    int own = 0;
    for (HanScale next = han_scale(text_, at_); next.length > 0; next = han_scale(text_, at_)) {
      own += next.exponent;
      at_ += next.length;
    }
    found.value.reset();
    const size_t length = digits.digits.size() + size_t(own);
    const bool fits = digits.is_whole && length <= size_t(exponent) &&
                      (own > 0 || has_zero || length == size_t(exponent));
    const bool is_last =
        at_ >= text_.size() || (!is_digit(text_[at_]) && !han_number_begins(text_, at_));
    if (!part.value || !fits || !is_last || above.bottom != "1" || above.exponent < exponent ||
        above.exponent > 40)
      return;
    // Both as digits of ones, the smaller at the end of the larger.
    std::string sum = above.top + std::string(size_t(above.exponent), '0');
    const std::string low = digits.digits + std::string(size_t(own), '0');
    sum.replace(sum.size() - low.size(), low.size(), low);
    found.value = quotient({sum}, {"1"});
    if (found.value) found.value->is_negative = above.is_negative;
  }

  void percent(Number& number, size_t begin) {
    const std::string_view before = text_.substr(0, begin);
    if (before.ends_with("百分之")) number.is_percent = true;
    if (before.ends_with("千分之")) number.exponent -= 3;
    if (before.ends_with("万分之")) number.exponent -= 4;
    const size_t end = at_;
    skip();
    const bool is_word = take("percent") || take("per cent") || take("\\text{ percent}");
    if (is_word || take("%") || take("\\%")) {
      number.is_percent = true;
    } else {
      at_ = end;
    }
  }

  std::string_view text_;
  size_t at_ = 0;
};

}  // namespace

bool number_begins(std::string_view text, size_t at) {
  auto is_digit_at = [&](size_t i) { return i < text.size() && is_digit(text[i]); };
  if (is_digit_at(at)) return true;
  if (at < text.size() && text[at] == '.' && is_digit_at(at + 1))
    return at == 0 || text[at - 1] != '.';
  return text.substr(at).starts_with(kFraction) &&
         !(at + kFraction.size() < text.size() && is_letter(text[at + kFraction.size()]));
}

FoundNumber read_number(std::string_view text, size_t at) { return DigitReader(text, at).read(); }

}  // namespace weir
