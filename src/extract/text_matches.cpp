#include "extract/text_matches.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <string>
#include <vector>

#include "base/ascii.h"
#include "base/text.h"

namespace weir {
namespace {

bool is_beyond_ascii(char c) { return static_cast<unsigned char>(c) >= 0x80; }

// Letters and digits in lower case, with their places. Characters beyond ASCII count but for the
// blanks and punctuation of U+2000 to U+206F and U+3000 to U+303F.
struct Squeezed {
  std::string letters;
  std::vector<size_t> places;
};
Squeezed squeeze(std::string_view text) {
  Squeezed squeezed;
  for (size_t i = 0; i < text.size(); ++i) {
    const std::string_view rest = text.substr(i, 3);
    if (rest.starts_with("\xE2\x80") || rest.starts_with("\xE2\x81") ||
        rest.starts_with("\xE3\x80")) {
      i += 2;
      continue;
    }
    if (rest.starts_with("\xC2\xA0")) {
      ++i;
      continue;
    }
    if (!is_digit(text[i]) && !is_letter(text[i]) && !is_beyond_ascii(text[i])) continue;
    squeezed.letters += lower(text[i]);
    squeezed.places.push_back(i);
  }
  return squeezed;
}

// A number begins or ends inside of a word when letters or digits of its kind go on.
bool goes_on(char before, char after) {
  if (is_digit(before) && is_digit(after)) return true;
  return is_letter(before) && is_letter(after);
}

struct Token {
  size_t begin, end;
  bool is_number;
};
std::vector<Token> tokens_of(std::string_view text) {
  std::vector<Token> tokens;
  for (size_t i = 0; i < text.size();) {
    const bool number = is_digit(text[i]);
    if (!number && !is_letter(text[i]) && !is_beyond_ascii(text[i])) {
      ++i;
      continue;
    }
    size_t end = i;
    while (end < text.size() &&
           (number ? is_digit(text[end]) : is_letter(text[end]) || is_beyond_ascii(text[end])))
      ++end;
    tokens.push_back({i, end, number});
    i = end;
  }
  return tokens;
}

// 1 to 12 for the names of months in English and German; 0.
int month_of(std::string_view word) {
  static constexpr std::array<std::string_view, 12> kMonths = {
      "jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"};
  const std::string small = lower_case(word);
  if (small.starts_with("m\xC3\xA4r")) return 3;
  if (small.starts_with("mai")) return 5;
  if (small.starts_with("okt")) return 10;
  if (small.starts_with("dez")) return 12;
  for (size_t i = 0; i < kMonths.size(); ++i)
    if (small.size() >= 3 && small.starts_with(kMonths[i])) return int(i) + 1;
  return 0;
}

int value_of(std::string_view text, const Token& token) {
  if (!token.is_number || token.end - token.begin > 4) return -1;
  const Result<int64_t> value = parse_int(text.substr(token.begin, token.end - token.begin));
  return value ? int(*value) : -1;
}

}  // namespace

std::optional<TextMatch> match_text(std::string_view text, std::string_view value) {
  const Squeezed wanted = squeeze(value), all = squeeze(text);
  if (wanted.letters.empty()) return {};
  for (size_t at = all.letters.find(wanted.letters); at != std::string::npos;
       at = all.letters.find(wanted.letters, at + 1)) {
    const size_t begin = all.places[at], last = all.places[at + wanted.letters.size() - 1];
    const bool cut_before = begin > 0 && goes_on(text[begin - 1], text[begin]);
    const bool cut_after = last + 1 < text.size() && goes_on(text[last], text[last + 1]);
    if (!cut_before && !cut_after) return TextMatch{begin, last + 1};
  }
  return {};
}

std::optional<TextMatch> match_number(std::string_view text, double value) {
  const auto is_near = [](double a, double b) {
    return std::abs(a - b) <= 1e-9 * std::max({1.0, std::abs(a), std::abs(b)});
  };
  for (size_t i = 0; i < text.size(); ++i) {
    if (!is_digit(text[i]) || (i > 0 && is_digit(text[i - 1]))) continue;
    // Digits, with single separators between them.
    size_t end = i;
    while (end < text.size()) {
      if (is_digit(text[end])) {
        ++end;
        continue;
      }
      const bool is_separator =
          text[end] == ',' || text[end] == '.' || text[end] == '\'' || text[end] == ' ';
      if (!is_separator || end + 1 >= text.size() || !is_digit(text[end + 1])) break;
      ++end;
    }
    // Every beginning and end at a separator: "3 1,234.50" holds 1,234.50.
    for (size_t to = end; to > i; --to) {
      if (to < end && (is_digit(text[to]) && is_digit(text[to - 1]))) continue;
      if (!is_digit(text[to - 1])) continue;
      const std::string_view part = text.substr(i, to - i);
      const size_t point = part.find_last_of(".,");
      for (const bool has_fraction : {true, false}) {
        std::string plain;
        for (size_t k = 0; k < part.size(); ++k) {
          if (is_digit(part[k])) plain += part[k];
          if (has_fraction && k == point) plain += '.';
        }
        const Result<double> number = parse_double(plain);
        if (!number || (!has_fraction && part.find(' ') != part.npos && part.size() > 15)) continue;
        const bool is_percent =
            text.substr(to).starts_with('%') || text.substr(to).starts_with(" %");
        const bool is_negative = i > 0 && text[i - 1] == '-';
        for (const double candidate : {*number, is_negative ? -*number : *number})
          if (is_near(candidate, value) || (is_percent && is_near(candidate, value * 100)))
            return TextMatch{i, to};
      }
    }
    // Go on after the first group of digits.
    while (i + 1 < text.size() && is_digit(text[i + 1])) ++i;
  }
  return {};
}

std::optional<CalendarDay> parse_iso_day(std::string_view text) {
  if (text.size() != 10 || text[4] != '-' || text[7] != '-') return {};
  const Result<int64_t> year = parse_int(text.substr(0, 4)), month = parse_int(text.substr(5, 2)),
                        day = parse_int(text.substr(8, 2));
  if (!year || !month || !day || *month < 1 || *month > 12 || *day < 1 || *day > 31) return {};
  return CalendarDay{int(*year), int(*month), int(*day)};
}

std::optional<TextMatch> match_day(std::string_view text, CalendarDay day) {
  std::vector<Token> tokens = tokens_of(text);
  // "1st", "3rd": the letters belong to the number.
  std::erase_if(tokens, [&](const Token& token) {
    const std::string_view word = text.substr(token.begin, token.end - token.begin);
    return !token.is_number && (word == "st" || word == "nd" || word == "rd" || word == "th" ||
                                word == "of" || word == "\xE5\xB9\xB4" || word == "\xE6\x9C\x88");
  });
  for (size_t i = 0; i + 2 < tokens.size(); ++i) {
    if (tokens[i + 2].end - tokens[i].begin > 30) continue;
    int numbers[3], months[3];
    for (size_t k = 0; k < 3; ++k) {
      const Token& token = tokens[i + k];
      numbers[k] = value_of(text, token);
      months[k] = token.is_number ? numbers[k]
                                  : month_of(text.substr(token.begin, token.end - token.begin));
    }
    const auto is_year = [&](int value) { return value == day.year || value == day.year % 100; };
    const bool is_found =
        (is_year(numbers[0]) && months[1] == day.month && numbers[2] == day.day) ||
        (numbers[0] == day.day && months[1] == day.month && is_year(numbers[2])) ||
        (months[0] == day.month && numbers[1] == day.day && is_year(numbers[2]));
    if (is_found) return TextMatch{tokens[i].begin, tokens[i + 2].end};
  }
  return {};
}

}  // namespace weir
