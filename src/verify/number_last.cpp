// The last number of free text. In a formula ($..$, \(..\)) it is the whole last side or nothing.
#include <algorithm>

#include "verify/number_around.h"
#include "verify/number_reader.h"
#include "verify/plain_text.h"

namespace weir {
namespace {

// x_1, m^2, m^{-2}, H2O; but not USD5.
bool belongs_to_a_name(std::string_view text, size_t at) {
  auto before = [&](size_t place) { return place > 0 ? text[place - 1] : '\0'; };
  size_t back = at;
  if (before(back) == '-' || before(back) == '+') --back;
  if (before(back) == '{') --back;
  if (before(back) == '^') return true;
  if (before(back) == '_') return before(back - 1) != '_';  // __5__ is bold
  if (!is_letter(before(at))) return false;
  const std::string word = word_before(text, at);
  if (at > word.size() && text[at - word.size() - 1] == '\\') return false;
  for (std::string_view currency : {"usd", "eur", "gbp", "cny", "rmb", "rs", "inr", "hkd"})
    if (word == currency) return false;
  return true;
}

// The end of digits, points and commas that hang together.
size_t end_of_run(std::string_view text, size_t at) {
  auto is_digit_at = [&](size_t i) { return i < text.size() && is_digit(text[i]); };
  auto is_mark_at = [&](size_t i) { return i < text.size() && (text[i] == '.' || text[i] == ','); };
  while (is_digit_at(at) || (is_mark_at(at) && is_digit_at(at + 1))) ++at;
  return at;
}

// The next number at or after `at`, judged by what stands around it.
std::optional<FoundNumber> next_number(std::string_view text, size_t at) {
  while (at < text.size()) {
    if (!number_begins(text, at)) {
      ++at;
      continue;
    }
    if (text[at] != '\\' && belongs_to_a_name(text, at)) {
      at = std::max(end_of_run(text, at), at + 1);
      continue;
    }
    FoundNumber found = read_number(text, at);
    const Before before = look_before(text, found.begin);
    if (before == Before::part_of_more || is_continued(text, found.begin, found.end)) {
      found.value.reset();
      found.end = end_of_cluster(text, found.end);
    }
    if (found.value && before == Before::minus && !found.value->is_zero())
      found.value->is_negative = !found.value->is_negative;
    return found;
  }
  return std::nullopt;
}

struct Formula {
  size_t begin = 0, end = 0;     // with its delimiters
  size_t inner = 0, length = 0;  // of what it holds
};

// The formula that holds the character at `place`. A dollar opens one before a non-blank, and the
// next dollar closes it behind a non-blank and before no digit; others are currency.
std::optional<Formula> formula_around(std::string_view text, size_t place) {
  auto at = [&](size_t i) { return i < text.size() ? text[i] : ' '; };
  for (size_t i = 0; i < text.size() && i <= place;) {
    const bool is_bracket = text[i] == '\\' && (at(i + 1) == '(' || at(i + 1) == '[');
    const bool is_double = text[i] == '$' && at(i + 1) == '$';
    const bool is_dollar = text[i] == '$' && !is_double && !is_blank(at(i + 1));
    if (!is_bracket && !is_double && !is_dollar) {
      i += text[i] == '\\' ? 2 : 1;
      continue;
    }
    const size_t width = is_dollar ? 1 : 2;
    size_t close = text.find(is_dollar || is_double ? "$"
                             : at(i + 1) == '('     ? "\\)"
                                                    : "\\]",
                             i + width);
    if (close == text.npos) {
      if (is_bracket) return std::nullopt;
      ++i;
      continue;
    }
    const bool closes = !is_dollar || (!is_blank(text[close - 1]) && text[close - 1] != '\\' &&
                                       !is_digit(at(close + 1)));
    if (!closes) {
      i = close;
      continue;
    }
    const Formula formula{i, close + width, i + width, close - i - width};
    if (place < formula.end) return place >= formula.inner ? std::optional(formula) : std::nullopt;
    i = formula.end;
  }
  return std::nullopt;
}

// "= 8" of "5 + 3 = 8", with the sign before the formula and the scale or percent sign behind it.
FoundNumber formula_number(std::string_view text, const Formula& formula) {
  FoundNumber found{formula.inner, formula.inner + formula.length, std::nullopt};
  std::string_view inner = text.substr(formula.inner, formula.length);
  for (std::string_view relation : {"=", "\\approx", "\\equiv"})
    if (const size_t last = inner.rfind(relation); last != inner.npos)
      inner.remove_prefix(last + relation.size());
  const Before before = look_before(text, formula.begin);
  const size_t behind = skip_blanks(text, formula.end);
  std::string whole(inner);
  const std::string word = word_after(text, behind);
  const HanScale scale = han_scale(text, behind);
  if (scale_word(word) || word == "percent") {
    whole += " " + word;
  } else if (scale.length > 0) {
    whole += text.substr(behind, scale.length);
  } else if (text.substr(behind).starts_with("%") || text.substr(behind).starts_with("\\%")) {
    whole += "%";
  } else if (is_continued(text, formula.begin, formula.end)) {
    return found;
  }
  if (before == Before::part_of_more) return found;
  if (auto number = one_number(whole, NumberPlace::marked)) found.value = std::move(number->value);
  if (found.value && before == Before::minus && !found.value->is_zero())
    found.value->is_negative = !found.value->is_negative;
  return found;
}

// A Chinese numeral that the text from `from` gives as its answer: 答案是两千零五。 Nearly every
// Chinese sentence holds a numeral, so it must stand behind a mark and fill its clause. Where the
// text has no digits at all (`is_only`), weaker marks and none are enough.
std::optional<FoundNumber> han_answer(std::string_view text, size_t from, bool is_only) {
  constexpr std::string_view kEnds[] = {"，", "。", "；", "！", "？", "\n", ",", ";"};
  constexpr std::string_view kMarks[] = {"答案是", "答案为", "答案", "等于", "得到", "=", ":"};
  constexpr std::string_view kWeakMarks[] = {"是", "为", "有", "得", "共"};
  size_t end = text.size();
  while (end > from) {
    const std::string_view before = text.substr(from, end - from);
    size_t begin = from;
    for (std::string_view mark : kEnds)
      if (const size_t at = before.rfind(mark); at != before.npos)
        begin = std::max(begin, from + at + mark.size());
    const std::string_view clause = text.substr(begin, end - begin);
    size_t answer = is_only ? 0 : clause.npos;
    auto look_for = [&](std::string_view mark) {
      if (const size_t at = clause.rfind(mark); at != clause.npos)
        answer = answer == clause.npos ? at + mark.size() : std::max(answer, at + mark.size());
    };
    for (std::string_view mark : kMarks) look_for(mark);
    if (is_only)
      for (std::string_view mark : kWeakMarks) look_for(mark);
    if (answer != clause.npos) {
      auto found = one_number(clause.substr(answer), NumberPlace::marked);
      if (found && found->value) return found;
    }
    end = begin > from ? begin - 1 : from;
    while (end > from && (static_cast<unsigned char>(text[end]) & 0xC0) == 0x80) --end;
  }
  return std::nullopt;
}

}  // namespace

std::optional<FoundNumber> last_number(std::string_view text) {
  std::optional<FoundNumber> last;
  for (size_t at = 0; auto found = next_number(text, at);) {
    at = std::max(found->end, at + 1);
    last = std::move(found);
  }
  constexpr size_t kHanMax = 4096;  // of a longer text the end is read
  const size_t from =
      std::max(last ? last->end : 0, text.size() > kHanMax ? text.size() - kHanMax : 0);
  if (auto han = han_answer(text, from, !last)) return han;
  if (!last) return std::nullopt;
  if (const auto formula = formula_around(text, last->begin)) return formula_number(text, *formula);
  return last;
}

}  // namespace weir
