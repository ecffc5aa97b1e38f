#include "guard/check_digits.h"

#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <iterator>

#include "base/ascii.h"

namespace weir {
namespace {

bool all_digits(std::string_view text) { return std::ranges::all_of(text, is_digit); }
int number(std::string_view digits) {
  int value = 0;
  for (const char c : digits) value = value * 10 + (c - '0');
  return value;
}

bool is_date(int year, int month, int day) {
  if (year < 1900 || year > 2099 || month < 1 || month > 12 || day < 1) return false;
  constexpr int kDays[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
  const bool is_leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
  return day <= kDays[month - 1] + (month == 2 && is_leap ? 1 : 0);
}

// GB/T 2260: the first two digits of a place; 83 and 9x are residents from Taiwan and abroad.
bool is_province(int code) {
  constexpr int kProvinces[] = {11, 12, 13, 14, 15, 21, 22, 23, 31, 32, 33, 34,
                                35, 36, 37, 41, 42, 43, 44, 45, 46, 50, 51, 52,
                                53, 54, 61, 62, 63, 64, 65, 71, 81, 82, 83, 91};
  return std::ranges::binary_search(kProvinces, code);
}

bool passes_luhn(std::string_view digits) {
  int sum = 0;
  for (size_t i = 0; i < digits.size(); ++i) {
    int value = digits[digits.size() - 1 - i] - '0';
    if (i % 2 == 1) value = value * 2 > 9 ? value * 2 - 9 : value * 2;
    sum += value;
  }
  return sum % 10 == 0;
}

// First digits as a range of six, and lengths.
struct Issuer {
  int first, last;
  int shortest, longest;
};
constexpr Issuer kIssuers[] = {
    {220000, 220499, 16, 16},  // Mir
    {222100, 272099, 16, 16},  // Mastercard
    {300000, 305999, 14, 14},  // Diners
    {340000, 349999, 15, 15},  // American Express
    {352800, 358999, 16, 19},  // JCB
    {360000, 369999, 14, 19}, {370000, 379999, 15, 15},
    {380000, 399999, 14, 19}, {400000, 499999, 13, 19},  // Visa; 13, 16 and 19
    {501800, 501899, 13, 19}, {502000, 502099, 13, 19},  // Maestro
    {503800, 503899, 13, 19}, {510000, 559999, 16, 16},  // Mastercard
    {589300, 589399, 13, 19}, {601100, 601199, 16, 19},  // Discover
    {601382, 601382, 16, 19}, {601428, 601428, 16, 19},  // Bank of China
    {603367, 603367, 16, 19}, {620000, 629999, 16, 19},  // UnionPay
    {630400, 630499, 13, 19}, {644000, 659999, 16, 19},  // Discover
    {675900, 676399, 13, 19}, {810000, 817199, 16, 19},  // UnionPay
    {955800, 955899, 16, 19},                            // ICBC
};

struct Country {
  char code[3];
  int length;
};
// The registry of ISO 13616.
constexpr Country kCountries[] = {
    {"AD", 24}, {"AE", 23}, {"AL", 28}, {"AT", 20}, {"AZ", 28}, {"BA", 20}, {"BE", 16}, {"BG", 22},
    {"BH", 22}, {"BI", 27}, {"BR", 29}, {"BY", 28}, {"CH", 21}, {"CR", 22}, {"CY", 28}, {"CZ", 24},
    {"DE", 22}, {"DJ", 27}, {"DK", 18}, {"DO", 28}, {"EE", 20}, {"EG", 29}, {"ES", 24}, {"FI", 18},
    {"FK", 18}, {"FO", 18}, {"FR", 27}, {"GB", 22}, {"GE", 22}, {"GI", 23}, {"GL", 18}, {"GR", 27},
    {"GT", 28}, {"HN", 28}, {"HR", 21}, {"HU", 28}, {"IE", 22}, {"IL", 23}, {"IQ", 23}, {"IS", 26},
    {"IT", 27}, {"JO", 30}, {"KW", 30}, {"KZ", 20}, {"LB", 28}, {"LC", 32}, {"LI", 21}, {"LT", 20},
    {"LU", 20}, {"LV", 21}, {"LY", 25}, {"MC", 27}, {"MD", 24}, {"ME", 22}, {"MK", 19}, {"MN", 20},
    {"MR", 27}, {"MT", 31}, {"MU", 30}, {"NI", 28}, {"NL", 18}, {"NO", 15}, {"OM", 23}, {"PK", 24},
    {"PL", 28}, {"PS", 29}, {"PT", 25}, {"QA", 29}, {"RO", 24}, {"RS", 22}, {"RU", 33}, {"SA", 24},
    {"SC", 31}, {"SD", 18}, {"SE", 24}, {"SI", 19}, {"SK", 24}, {"SM", 27}, {"SO", 23}, {"ST", 25},
    {"SV", 28}, {"TL", 23}, {"TN", 24}, {"TR", 26}, {"UA", 29}, {"VA", 22}, {"VG", 24}, {"XK", 20},
    {"YE", 30},
};

}  // namespace

bool is_identity_card_cn(std::string_view text) {
  if (text.size() != 18 || !all_digits(text.substr(0, 17))) return false;
  if (!is_province(number(text.substr(0, 2)))) return false;
  if (!is_date(number(text.substr(6, 4)), number(text.substr(10, 2)), number(text.substr(12, 2))))
    return false;
  constexpr int kWeights[] = {7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2};
  int sum = 0;
  for (size_t i = 0; i < 17; ++i) sum += (text[i] - '0') * kWeights[i];
  const char last = text[17] == 'x' ? 'X' : text[17];
  return last == "10X98765432"[sum % 11];
}

bool is_credit_code_cn(std::string_view text) {
  constexpr std::string_view kAlphabet = "0123456789ABCDEFGHJKLMNPQRTUWXY";
  constexpr int kWeights[] = {1, 3, 9, 27, 19, 26, 16, 17, 20, 29, 25, 13, 8, 24, 10, 30, 28};
  if (text.size() != 18) return false;
  // Authority and kind, then the code of a place.
  if (std::string_view("123456789AGNY").find(text[0]) == std::string_view::npos) return false;
  if (std::string_view("1234569").find(text[1]) == std::string_view::npos) return false;
  if (!all_digits(text.substr(2, 6))) return false;
  const int place = number(text.substr(2, 2));
  if (place != 10 && !is_province(place)) return false;
  int sum = 0;
  for (size_t i = 0; i < 17; ++i) {
    const size_t value = kAlphabet.find(text[i]);
    if (value == kAlphabet.npos) return false;
    sum += int(value) * kWeights[i];
  }
  return text[17] == kAlphabet[size_t((31 - sum % 31) % 31)];
}

bool is_bank_card(std::string_view text) {
  if (text.size() < 13 || text.size() > 19 || !all_digits(text) || !passes_luhn(text)) return false;
  const int first = number(text.substr(0, 6));
  const int length = int(text.size());
  if (first / 100000 == 4 && length != 13 && length != 16 && length != 19) return false;
  return std::ranges::any_of(kIssuers, [&](const Issuer& issuer) {
    return first >= issuer.first && first <= issuer.last && length >= issuer.shortest &&
           length <= issuer.longest;
  });
}

bool is_iban(std::string_view text) {
  if (text.size() < 15 || text.size() > 34) return false;
  const auto country =
      std::ranges::find_if(kCountries, [&](const Country& c) { return text.starts_with(c.code); });
  if (country == std::end(kCountries) || size_t(country->length) != text.size()) return false;
  int rest = 0;
  for (size_t i = 0; i < text.size(); ++i) {
    const char c = text[(i + 4) % text.size()];
    if (is_digit(c))
      rest = (rest * 10 + (c - '0')) % 97;
    else if (c >= 'A' && c <= 'Z')
      rest = (rest * 100 + (c - 'A' + 10)) % 97;
    else
      return false;
  }
  return rest == 1 && is_digit(text[2]) && is_digit(text[3]);
}

bool is_mobile_cn(std::string_view digits) {
  return digits.size() == 11 && all_digits(digits) && digits[0] == '1' && digits[1] >= '3';
}

bool is_landline_cn(std::string_view digits) {
  if (!all_digits(digits) || digits.size() < 10 || digits.size() > 12 || digits[0] != '0')
    return false;
  // 010 and 02x have three digits, the others four; subscribers begin with 2 to 8.
  const bool is_short = digits[1] == '1' ? digits[2] == '0' : digits[1] == '2';
  if (digits[1] == '0' || (digits[1] == '1' && !is_short)) return false;
  const std::string_view rest = digits.substr(is_short ? 3 : 4);
  return (rest.size() == 7 || rest.size() == 8) && rest[0] >= '2' && rest[0] <= '8';
}

}  // namespace weir
