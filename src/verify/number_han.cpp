// Chinese numerals: 两千零五, 一万零三百, 1.5亿, 三点一四, 二〇二四, 三分之二, 百分之五十. What
// speakers shorten (一万五 for 15000) or round (三四个) has no value.
#include <array>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "verify/number_reader.h"
#include "verify/plain_text.h"

namespace weir {
namespace {

struct Sign {
  std::string_view text;
  int value;
};
constexpr std::array kDigits = {
    Sign{"零", 0}, Sign{"〇", 0}, Sign{"一", 1}, Sign{"壹", 1}, Sign{"二", 2},
    Sign{"两", 2}, Sign{"兩", 2}, Sign{"贰", 2}, Sign{"貳", 2}, Sign{"三", 3},
    Sign{"叁", 3}, Sign{"參", 3}, Sign{"四", 4}, Sign{"肆", 4}, Sign{"五", 5},
    Sign{"伍", 5}, Sign{"六", 6}, Sign{"陆", 6}, Sign{"陸", 6}, Sign{"七", 7},
    Sign{"柒", 7}, Sign{"八", 8}, Sign{"捌", 8}, Sign{"九", 9}, Sign{"玖", 9},
};
constexpr std::array kScales = {
    Sign{"十", 1}, Sign{"拾", 1}, Sign{"百", 2}, Sign{"佰", 2}, Sign{"千", 3},
    Sign{"仟", 3}, Sign{"万", 4}, Sign{"萬", 4}, Sign{"亿", 8}, Sign{"億", 8},
};
// Behind the 千 of digits, a unit of its own: 3千米 is three kilometres.
constexpr std::array kUnits = {"米", "克", "瓦", "赫", "卡", "伏", "帕", "焦", "字", "安"};

bool is_kilo_unit(std::string_view text, size_t at) {
  for (std::string_view unit : kUnits)
    if (text.substr(at).starts_with(unit)) return true;
  return false;
}

template <class Signs>
const Sign* sign_at(const Signs& signs, std::string_view text, size_t at) {
  for (const Sign& sign : signs)
    if (text.substr(at).starts_with(sign.text)) return &sign;
  return nullptr;
}

// A run of numerals: their values, 0 to 9 for digits and 10 + exponent for scales.
constexpr int kScale = 10;
constexpr size_t kNumeralsMax = 64;
using Numerals = std::span<const int>;

std::vector<int> take_numerals(std::string_view text, size_t& at) {
  std::vector<int> run;
  while (at < text.size()) {
    const Sign* digit = sign_at(kDigits, text, at);
    const Sign* scale = digit ? nullptr : sign_at(kScales, text, at);
    if (!digit && !scale) break;
    at += (digit ? digit : scale)->text.size();
    run.push_back(digit ? digit->value : kScale + scale->value);
  }
  return run;
}

// Below ten thousand: 两千零五, 十五, 一百一十五. A last digit needs a ten or a zero before it.
std::optional<int64_t> small_part(Numerals run) {
  int64_t total = 0, unit_before = 10'000;
  bool may_end_bare = true;
  for (size_t i = 0; i < run.size();) {
    if (run[i] == 0) {  // between parts
      may_end_bare = true;
      if (++i == run.size() || run[i] == 0) return std::nullopt;
      continue;
    }
    const bool is_ten = run[i] == kScale + 1;
    if (run[i] > 9 && !(is_ten && unit_before > 10)) return std::nullopt;
    const int64_t digit = is_ten ? 1 : run[i];
    const size_t scale_at = is_ten ? i : i + 1;
    if (scale_at == run.size()) return may_end_bare ? std::optional(total + digit) : std::nullopt;
    const int exponent = run[scale_at] - kScale;
    if (exponent < 1 || exponent > 3) return std::nullopt;
    const int64_t unit = exponent == 1 ? 10 : exponent == 2 ? 100 : 1000;
    if (unit >= unit_before) return std::nullopt;
    total += digit * unit;
    unit_before = unit;
    may_end_bare = unit == 10;
    i = scale_at + 1;
  }
  return run.empty() ? std::nullopt : std::optional(total);
}

// A part in front of 万 (4) or 亿 (8), and what follows it.
std::optional<int64_t> whole_part(Numerals run, int exponent) {
  if (exponent == 0) return small_part(run);
  const int below = exponent == 8 ? 4 : 0;
  size_t at = run.size();
  while (at > 0 && run[at - 1] != kScale + exponent) --at;
  if (at == 0) return whole_part(run, below);
  const auto above = whole_part(run.first(at - 1), exponent == 8 ? 4 : 0);
  if (!above || *above == 0) return std::nullopt;
  const int64_t scaled = *above * (exponent == 8 ? 100'000'000 : 10'000);
  Numerals rest = run.subspan(at);
  if (rest.empty()) return scaled;
  // 一万五 is 15000 in speech; 一万零五 is plain.
  const bool has_zero = rest[0] == 0;
  if (has_zero) rest = rest.subspan(1);
  if (rest.empty() || (!has_zero && rest.size() == 1 && rest[0] < kScale)) return std::nullopt;
  const auto low = whole_part(rest, below);
  return low ? std::optional(scaled + *low) : std::nullopt;
}

// 二〇二四 digit by digit; 三四 is "three or four".
std::optional<int64_t> digit_by_digit(Numerals run) {
  bool has_zero = false;
  int64_t total = 0;
  for (int numeral : run) {
    if (numeral > 9) return std::nullopt;
    has_zero |= numeral == 0;
    total = total * 10 + numeral;
  }
  const bool is_meant = run.size() == 1 || has_zero || run.size() >= 4;
  return is_meant && run.size() <= 15 ? std::optional(total) : std::nullopt;
}

Number number_of(int64_t value, int64_t exponent) {
  Number number;
  if (value == 0) return number;
  while (value % 10 == 0) value /= 10, ++exponent;
  number.top = std::to_string(value);
  number.exponent = exponent;
  return number;
}

std::optional<Number> whole_number(Numerals run) {
  if (run.empty() || run.size() > kNumeralsMax) return std::nullopt;
  auto value = digit_by_digit(run);
  if (!value) value = whole_part(run, 8);
  return value ? std::optional(number_of(*value, 0)) : std::nullopt;
}

// 三点一四, 三点五亿: `run` is what follows 点.
std::optional<Number> with_decimals(Numerals whole, Numerals run) {
  const auto above = whole_number(whole);
  if (!above || run.empty()) return std::nullopt;
  int scale = 0;
  while (!run.empty() && run.back() > 9) {
    if (run.back() < kScale + 4) return std::nullopt;
    scale += run.back() - kScale;
    run = run.first(run.size() - 1);
  }
  if (run.empty() || run.size() > 18 || above->exponent > 20) return std::nullopt;
  std::string digits = above->top + std::string(size_t(above->exponent), '0');
  for (int numeral : run) {
    if (numeral > 9) return std::nullopt;
    digits += char('0' + numeral);
  }
  const int64_t point = int64_t(run.size());
  digits.erase(0, std::min(digits.find_first_not_of('0'), digits.size()));
  Number number;
  number.top = digits;
  if (!digits.empty()) number = times(number, 1, scale - point);
  return number;
}

std::optional<Number> fraction(const std::optional<Number>& bottom,
                               const std::optional<Number>& top) {
  if (!bottom || !top || bottom->is_zero()) return std::nullopt;
  Number number = *top;
  if (number.is_zero()) return number;
  number.bottom = bottom->top;
  number.exponent -= bottom->exponent;
  return number;
}

class HanReader {
 public:
  HanReader(std::string_view text, size_t at) : text_(text), at_(at) {}

  FoundNumber read() {
    FoundNumber found{at_, 0, std::nullopt};
    const bool is_percent = take("百分之");
    found.value = decimal();
    if (is_percent) {
      if (found.value) found.value->is_percent = true;
    } else if (take("分之")) {
      const auto bottom = found.value;
      found.value = fraction(bottom, decimal());
    } else if (take("又")) {  // 一又三分之二
      const auto whole = found.value, bottom = decimal();
      const bool is_fraction = take("分之");
      found.value = mixed(whole, bottom, is_fraction ? decimal() : std::nullopt);
    }
    // 三千米 is three thousand metres or three kilometres.
    if (text_.substr(0, at_).ends_with("千") && is_kilo_unit(text_, at_)) found.value.reset();
    found.end = at_;
    return found;
  }

 private:
  bool take(std::string_view word) {
    if (!text_.substr(at_).starts_with(word)) return false;
    at_ += word.size();
    return true;
  }
  std::optional<Number> decimal() {
    const std::vector<int> whole = take_numerals(text_, at_);
    const size_t end = at_;
    if (take("点") || take("點")) {
      const std::vector<int> behind = take_numerals(text_, at_);
      if (!behind.empty()) return with_decimals(whole, behind);
      at_ = end;  // three o'clock, three points: the unit's reader knows
    }
    return whole_number(whole);
  }
  static std::optional<Number> mixed(const std::optional<Number>& whole,
                                     const std::optional<Number>& bottom,
                                     const std::optional<Number>& top) {
    const auto a = small(whole), b = small(bottom), c = small(top);
    if (!a || !b || !c || *c >= *b) return std::nullopt;
    return fraction(number_of(*b, 0), number_of(*a * *b + *c, 0));
  }
  static std::optional<int64_t> small(const std::optional<Number>& number) {
    if (!number || number->exponent < 0 || number->exponent > 6 || number->top.size() > 3)
      return std::nullopt;
    int64_t value = number->is_zero() ? 0 : std::stoll(number->top);
    for (int64_t i = 0; i < number->exponent; ++i) value *= 10;
    return value;
  }

  std::string_view text_;
  size_t at_;
};

}  // namespace

HanScale han_scale(std::string_view text, size_t at) {
  const Sign* scale = sign_at(kScales, text, at);
  if (scale == nullptr) return {};
  if (scale->value == 3 && is_kilo_unit(text, at + scale->text.size())) return {};
  return {scale->value, scale->text.size()};
}

bool han_number_begins(std::string_view text, size_t at) {
  return sign_at(kDigits, text, at) != nullptr || sign_at(kScales, text, at) != nullptr;
}

FoundNumber read_han_number(std::string_view text, size_t at) { return HanReader(text, at).read(); }

}  // namespace weir
