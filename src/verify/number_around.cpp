#include "verify/number_around.h"

#include <algorithm>
#include <array>
#include <string>

#include "verify/number_reader.h"
#include "verify/plain_text.h"

namespace weir {
namespace {

template <size_t n>
bool contains(const std::array<std::string_view, n>& list, std::string_view word) {
  return std::find(list.begin(), list.end(), word) != list.end();
}

constexpr std::array<std::string_view, 13> kDresses = {
    "text", "textbf", "textit", "textrm",    "mathrm", "mathbf", "mathit",
    "mbox", "boxed",  "fbox",   "underline", "emph",   "bf"};
// Commands between sentences and formulas, before a number or behind it.
constexpr std::array<std::string_view, 26> kBetween = {
    "approx", "equiv", "sim",   "le",         "leq",     "ge",         "geq",       "lt",   "gt",
    "ne",     "neq",   "to",    "rightarrow", "implies", "Rightarrow", "therefore", "circ", "mu",
    "Omega",  "item",  "hline", "because",    "newline", "begin",      "end",       "quad"};
constexpr std::array<std::string_view, 9> kFunctions = {"sqrt", "log", "ln",  "sin",  "cos",
                                                        "tan",  "exp", "abs", "floor"};
// Words behind a number that change it.
constexpr std::array<std::string_view, 14> kFractions = {
    "half",    "halves", "thirds", "fourths",    "fifths",      "sixths",     "sevenths",
    "eighths", "ninths", "tenths", "hundredths", "thousandths", "millionths", "factorial"};
constexpr std::array<std::string_view, 13> kHanParts = {
    "半", "几", "多", "余", "来", "成", "折", "打", "兆", "分之", "又", "点半", "点"};

bool is_beyond_ascii(char c) { return static_cast<unsigned char>(c) >= 0x80; }

// The text before a place, read backwards.
class Backwards {
 public:
  Backwards(std::string_view text, size_t at) : text_(text), at_(at) {}
  char last(size_t back = 1) const { return at_ >= back ? text_[at_ - back] : '\0'; }
  bool take(std::string_view word) {
    if (!text_.substr(0, at_).ends_with(word)) return false;
    at_ -= word.size();
    return true;
  }
  bool skip_blanks() {
    const size_t begin = at_;
    while (at_ > 0 && begin - at_ < kBlanksMax && (last() == ' ' || last() == '\t')) --at_;
    return at_ < begin;
  }
  std::string word() const { return word_before(text_, at_); }
  void drop(size_t bytes) { at_ -= bytes; }
  bool ends_value() const {
    const char c = last();
    return is_digit(c) || c == ')' || c == ']' || c == '}' || c == '%';
  }
  // x in "x - 5", not the a of "Vitamin A - 5"'s capitals.
  bool ends_variable() const { return is_letter(last()) && word().size() == 1; }
  std::string_view text() const { return text_.substr(0, at_); }

 private:
  static constexpr size_t kBlanksMax = 16;
  std::string_view text_;
  size_t at_;
};

Before before_minus(Backwards left, bool is_apart) {
  const bool is_spaced = left.skip_blanks();
  const char c = left.last();
  if (is_apart || !is_spaced) {
    if (left.ends_value() || left.ends_variable() || c == '-') return Before::part_of_more;
    if (is_letter(c) || c == '.') return Before::nothing;  // COVID-19, Total - 5
  }
  if (!is_apart) return Before::minus;
  // A dash at the start of a line is a list's.
  const bool is_sign = c == '=' || c == ':' || c == '(' || is_beyond_ascii(c);
  return is_sign ? Before::minus : Before::nothing;
}

// A multiplication sign, and not the bold or bullet of Markdown.
bool is_times(Backwards left, bool is_apart) {
  while (left.last() == '*') left.drop(1);
  const bool is_spaced = left.skip_blanks();
  return is_spaced == is_apart && (left.ends_value() || left.ends_variable());
}

// The command whose name ends here: the 5 of \sqrt5, \pm 5.
bool is_after_command(const Backwards& left) {
  const std::string_view text = left.text();
  size_t begin = text.size();
  while (begin > 0 && text.size() - begin < 24 && is_letter(text[begin - 1])) --begin;
  if (begin == 0 || begin == text.size() || text[begin - 1] != '\\') return false;
  const std::string_view name = text.substr(begin);
  return !contains(kBetween, name) && !is_dress(name);
}

// \sqrt{5, \log_{2}{5 and C(5, f(5, sqrt(5.
bool is_argument(Backwards left) {
  const char open = left.last();
  left.drop(1);
  if (open == '(') {
    if (left.last() == '\\') return false;  // \( opens a formula
    const std::string name = left.word();
    return is_digit(left.last()) || name.size() == 1 || contains(kFunctions, name);
  }
  return left.last() == ']' || left.last() == '}' || is_after_command(left);
}

// The 1/2 of "1 and 1/2".
bool is_plain_fraction(std::string_view text) {
  size_t at = 0;
  while (at < text.size() && at < 10 && is_digit(text[at])) ++at;
  return at > 0 && at + 1 < text.size() && text[at] == '/' && is_digit(text[at + 1]);
}

Before after_word(Backwards left, std::string_view number) {
  const std::string word = left.word();
  const bool is_name = left.last(word.size() + 1) == '\\';
  if (word.empty() || is_name) return Before::nothing;
  left.drop(word.size());
  left.skip_blanks();
  const bool follows_value = left.ends_value();
  if (word == "minus" || word == "negative")
    return follows_value ? Before::part_of_more : Before::minus;
  if (word == "plus" || word == "times" || word == "over" || word == "x")
    return follows_value ? Before::part_of_more : Before::nothing;
  if (word == "by" && left.word() == "divided") return Before::part_of_more;
  if (word == "of" && left.word() == "root") return Before::part_of_more;
  if (scale_word(word) && follows_value) return Before::part_of_more;  // 5 thousand 200
  if (word == "and" && (scale_word(left.word()) || (follows_value && is_plain_fraction(number))))
    return Before::part_of_more;
  return contains(kFunctions, word) ? Before::part_of_more : Before::nothing;
}

Before after_han(Backwards left) {
  if (left.take("负") || left.take("零下")) return Before::minus;
  for (std::string_view sign : {"加", "减", "乘以", "除以", "乘", "除", "又"})
    if (left.take(sign)) return left.ends_value() ? Before::part_of_more : Before::nothing;
  const bool is_share = left.take("百分之") || left.take("千分之") || left.take("万分之");
  return !is_share && left.take("分之") ? Before::part_of_more : Before::nothing;
}

// The 5 of "(3, 5)".
bool is_last_of_tuple(std::string_view text, size_t begin, size_t end) {
  end = skip_blanks(text, end);
  if (end >= text.size() || (text[end] != ')' && text[end] != ']')) return false;
  Backwards left(text, begin);
  left.skip_blanks();
  while (left.last() == '-' || left.last() == '+') left.drop(1), left.skip_blanks();
  if (left.last() != ',') return false;
  left.drop(1);
  return left.ends_value() || left.ends_variable();
}

}  // namespace

bool is_dress(std::string_view name) { return contains(kDresses, name); }

bool is_variable(char letter) {
  if (letter >= 'a' && letter <= 'z')
    return std::string_view("mgshldw").find(letter) == std::string_view::npos;
  return std::string_view("KMBGTXYZ").find(letter) != std::string_view::npos;
}

Before look_before(std::string_view text, size_t begin) {
  Backwards left(text, begin);
  if (left.last() == '$') left.drop(left.last(2) == '\\' ? 2 : 1);
  const bool is_apart = left.skip_blanks();
  const char c = left.last();
  if (c == '\0') return Before::nothing;
  if (is_letter(c))
    return is_after_command(left) ? Before::part_of_more : after_word(left, text.substr(begin));
  if (is_beyond_ascii(c)) return after_han(left);
  Backwards rest = left;
  rest.drop(1);
  switch (c) {
    case '-':
      return before_minus(rest, is_apart);
    case '+':
      rest.skip_blanks();
      return rest.ends_value() || is_letter(rest.last()) || is_beyond_ascii(rest.last())
                 ? Before::part_of_more
                 : Before::nothing;
    case '*':
      return is_times(left, is_apart) ? Before::part_of_more : Before::nothing;
    case '/': {
      const bool is_spaced = rest.skip_blanks();
      if (is_after_command(rest)) return Before::part_of_more;  // \pi/6
      return is_spaced || rest.last() == '\0' ? Before::nothing : Before::part_of_more;
    }
    case ':':  // 12:30, 2 : 3, but "Step 2: 5"
      if (!is_apart) return is_digit(rest.last()) ? Before::part_of_more : Before::nothing;
      return rest.skip_blanks() && is_digit(rest.last()) ? Before::part_of_more : Before::nothing;
    case '\'':
    case '"':
      return is_digit(rest.last()) ? Before::part_of_more : Before::nothing;
    case '(':
    case '{':
      return is_argument(left) ? Before::part_of_more : Before::nothing;
    default:
      return Before::nothing;
  }
}

namespace {

// "x", "\pi" or "(" behind an operator: the number is a term.
bool is_operand(std::string_view text, size_t at) {
  at = skip_blanks(text, at);
  if (at >= text.size()) return false;
  if (text[at] == '(') return true;
  if (text[at] == '\\')
    return at + 1 < text.size() && is_letter(text[at + 1]) &&
           !contains(kBetween, text.substr(at + 1, word_after(text, at + 1).size()));
  const std::string word = word_after(text, at);
  return word.size() == 1 && is_variable(text[at]) && word != "a" && word != "i";
}

bool is_continued_by_letters(std::string_view text, size_t end) {
  const std::string word = word_after(text, end);
  const char after = end + word.size() < text.size() ? text[end + word.size()] : ' ';
  if (is_digit(after) || contains(kFunctions, word) || word == "pi") return true;
  return word.size() == 1 && is_variable(text[end]);
}

bool is_continued_by_words(std::string_view text, size_t end) {
  const std::string word = word_after(text, end);
  if (contains(kFractions, word) || word == "pi") return true;
  if (word.size() == 1) {
    const size_t after = end + 1;
    const bool ends = after >= text.size() || text[after] == '\n' || text[after] == '.';
    return ends && std::string_view("xyz").find(word[0]) != std::string_view::npos;
  }
  if (word != "and") return false;
  size_t at = skip_blanks(text, end + 3);
  std::string next = word_after(text, at);  // 2 and a half, 1 and 1/2
  if (next == "a" || next == "one") {
    next = word_after(text, skip_blanks(text, at + next.size()));
    return next == "half" || next == "third" || next == "quarter" || next == "fourth";
  }
  const size_t digits = at;
  while (at < text.size() && is_digit(text[at])) ++at;
  return at > digits && at < text.size() && text[at] == '/';
}

bool is_continued_by_han(std::string_view text, size_t end) {
  const std::string_view rest = text.substr(end, 16);
  for (std::string_view part : kHanParts) {
    if (!rest.starts_with(part)) continue;
    if (part != "点" && part != "来" && part != "成" && part != "多") return true;
    if (part == "多") return !rest.starts_with("多少");
    if (part == "来" || part == "成")  // 10来个, 3成; not "来自", "成为"
      return rest.starts_with("来个") || (part == "成" && !rest.starts_with("成为"));
    const size_t next = part.size();  // 3点5, 8点30分; not "3点。"
    if (next < rest.size() && (is_digit(rest[next]) || han_number_begins(rest, next))) return true;
  }
  // 3个半, 两小时半.
  const size_t half = rest.find("半");
  return half != rest.npos && half <= 2 * 3 && rest.substr(half).size() >= 3 &&
         std::all_of(rest.begin(), rest.begin() + long(half), is_beyond_ascii) &&
         rest.substr(0, half).find("，") == rest.npos &&
         rest.substr(0, half).find("。") == rest.npos;
}

bool is_continued_by_command(std::string_view text, size_t at) {
  const std::string_view rest = text.substr(at + 1);
  if (rest.empty() || !is_letter(rest[0])) return false;  // \%, \), \\ and the like
  size_t length = 0;
  while (length < rest.size() && is_letter(rest[length])) ++length;
  const std::string_view name = rest.substr(0, length);
  return !is_dress(name) && !contains(kBetween, name);
}

}  // namespace

bool is_continued(std::string_view text, size_t begin, size_t end) {
  if (end >= text.size()) return false;
  if (is_last_of_tuple(text, begin, end)) return true;
  const char c = text[end];
  if (is_letter(c)) return is_continued_by_letters(text, end);
  if (is_beyond_ascii(c)) return is_continued_by_han(text, end);
  const size_t at = skip_blanks(text, end);
  if (at >= text.size()) return false;
  const char next = at + 1 < text.size() ? text[at + 1] : ' ';
  if (text[at] == '\\') return is_continued_by_command(text, at);
  if (is_letter(text[at])) return is_continued_by_words(text, at);
  switch (text[at]) {
    case '^': {
      const std::string_view rest = text.substr(at);
      for (std::string_view mark : {"^\\circ", "^{\\circ}", "^{\\circ }", "^th", "^{th}", "^{st}",
                                    "^{nd}", "^{rd}", "^\\text{th}", "^{\\text{th}}"})
        if (rest.starts_with(mark)) return false;
      return true;
    }
    case '_':
      return at == end && next != '_';  // __5__ is bold
    case ':':
    case '\'':
    case ',':
      return at == end && is_digit(next);
    case '(':
      return at == end && (is_digit(next) || next == '\\' || next == '-');
    case ')':
    case '}':
      return next == '^' || (text[at] == ')' && next == '(');
    case '*':
      return next == '*' ? at == end && at + 2 < text.size() && is_digit(text[at + 2])
                         : is_operand(text, at + 1);
    case '+':
    case '-':
    case '/':
      return is_operand(text, at + 1);
    default:
      return false;
  }
}

}  // namespace weir
