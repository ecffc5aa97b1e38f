// one_number(): a text that is to be one number, with nothing in it that is not understood.
#include <algorithm>
#include <array>

#include "verify/number_around.h"
#include "verify/number_reader.h"
#include "verify/plain_text.h"

namespace weir {
namespace {

constexpr size_t kTextMax = 1024, kUnitWordsMax = 6;

std::string_view trimmed(std::string_view text) {
  while (!text.empty() && is_blank(text.front())) text.remove_prefix(1);
  while (!text.empty() && is_blank(text.back())) text.remove_suffix(1);
  return text;
}

// \text{12 cm}^2 as " 12 cm^2": the braces of commands that only dress, and bold of Markdown.
std::string undressed(std::string_view text) {
  std::string out;
  std::string open;  // the kind of each brace: 'd'ress or other
  for (size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '\\' && i + 1 < text.size() && is_letter(text[i + 1])) {
      size_t end = i + 1;
      while (end < text.size() && is_letter(text[end])) ++end;
      if (is_dress(text.substr(i + 1, end - i - 1)) && end < text.size() && text[end] == '{') {
        open += 'd';
        out += ' ';
        i = end;
        continue;
      }
      out += text.substr(i, end - i);
      i = end - 1;
    } else if (text[i] == '\\' && i + 1 < text.size()) {
      out += text.substr(i++, 2);
    } else if (text[i] == '{') {
      open += '{';
      out += '{';
    } else if (text[i] == '}') {
      const bool is_dressed = !open.empty() && open.back() == 'd';
      if (!open.empty()) open.pop_back();
      if (!is_dressed) out += '}';
    } else if (text.compare(i, 2, "**") == 0 || text.compare(i, 2, "__") == 0) {
      ++i;
    } else {
      out += text[i];
    }
  }
  return out;
}

// Whether the bracket that opens the text closes at its end.
bool is_enclosed(std::string_view text, char open, char close) {
  if (text.size() < 2 || text.front() != open || text.back() != close) return false;
  size_t depth = 0;
  for (size_t i = 0; i < text.size(); ++i) {
    if (text[i] == open) ++depth;
    if (text[i] == close && --depth == 0) return i + 1 == text.size();
  }
  return false;
}

// Without the delimiters of a formula, (5), {5}, `5` and a full stop.
std::string_view bare(std::string_view text) {
  for (;;) {
    text = trimmed(text);
    const size_t before = text.size();
    for (std::string_view stop : {".", "。"})
      if (text.ends_with(stop) && !text.ends_with("..")) text.remove_suffix(stop.size());
    for (auto [open, close] : {std::pair("\\(", "\\)"), std::pair("\\[", "\\]"),
                               std::pair("$$", "$$"), std::pair("$", "$"), std::pair("`", "`")}) {
      const std::string_view from(open), to(close);
      if (text.size() >= from.size() + to.size() && text.starts_with(from) && text.ends_with(to) &&
          !text.ends_with("\\$")) {
        text.remove_prefix(from.size());
        text.remove_suffix(to.size());
      }
    }
    if (is_enclosed(text, '(', ')') || is_enclosed(text, '{', '}'))
      text = text.substr(1, text.size() - 2);
    if (text.size() == before) return text;
  }
}

// "x", "a_1", "\text{Total cost}", "f(x)", "答案": letters, indices and words, no number of its
// own.
bool is_label(std::string_view text) {
  bool has_letter = false;
  for (size_t i = 0; i < text.size(); ++i) {
    const char c = text[i];
    if (is_digit(c)) {
      const bool is_index =
          i > 0 && (text[i - 1] == '_' || (text[i - 1] == '{' && i > 1 && text[i - 2] == '_'));
      if (!is_index) return false;
    } else if (is_letter(c) || static_cast<unsigned char>(c) >= 0x80) {
      has_letter = true;
    } else if (!is_blank(c) && std::string_view("_{}()\\'.*#").find(c) == std::string_view::npos) {
      return false;
    }
  }
  return has_letter;
}

// What follows "x =", "Answer:" or "The answer is".
std::string_view without_label(std::string_view text) {
  for (std::string_view mark : {"=", ":", " is ", "是", "为"}) {
    const size_t at = text.rfind(mark);
    if (at != text.npos && is_label(text.substr(0, at))) return text.substr(at + mark.size());
  }
  return text;
}

// The sign and currency before the number; nothing where anything else stands there.
struct Prefix {
  size_t length = 0;
  bool is_negative = false, is_spaced = false;  // "- 5"
};
std::optional<Prefix> read_prefix(std::string_view text) {
  Prefix prefix;
  bool has_sign = false, has_currency = false;
  for (size_t& at = prefix.length; at < text.size();) {
    if (number_begins(text, at) || han_number_begins(text, at)) return prefix;
    const std::string_view rest = text.substr(at);
    if (rest.starts_with("百分之")) return prefix;
    const std::string word = word_after(text, at);
    if (is_blank(text[at])) {
      ++at;
    } else if (!has_sign && (text[at] == '-' || text[at] == '+')) {
      has_sign = true;
      prefix.is_negative = text[at++] == '-';
      prefix.is_spaced = prefix.is_negative && at < text.size() && text[at] == ' ';
    } else if (!has_sign && (rest.starts_with("负") || rest.starts_with("零下"))) {
      has_sign = prefix.is_negative = true;
      at += rest.starts_with("负") ? 3 : 6;
    } else if (!has_sign && (word == "minus" || word == "negative")) {
      has_sign = prefix.is_negative = true;
      at += word.size();
    } else if (!has_currency && (rest.starts_with("$") || rest.starts_with("\\$"))) {
      has_currency = true;
      at += text[at] == '$' ? 1 : 2;
    } else {
      bool found = false;
      for (std::string_view name :
           {"usd", "eur", "gbp", "cny", "rmb", "rs", "inr", "hkd", "us", "hk"})
        found |= word == name;
      if (!found) return std::nullopt;
      at += word.size();
      if (at < text.size() && text[at] == '.') ++at;
    }
  }
  return std::nullopt;
}

// Units that may stand right behind the digits; longer words need a blank.
constexpr std::string_view kUnits[] = {
    "m",      "g",       "s",      "h",       "l",       "d",      "w",      "j",         "v",
    "c",      "f",       "n",      "km",      "cm",      "mm",     "dm",     "nm",        "kg",
    "mg",     "lb",      "lbs",    "oz",      "ft",      "in",     "yd",     "mi",        "hr",
    "hrs",    "min",     "mins",   "sec",     "secs",    "ms",     "mph",    "kph",       "kmh",
    "ml",     "cl",      "dl",     "hz",      "khz",     "mhz",    "ghz",    "kw",        "kwh",
    "mw",     "kj",      "kcal",   "cal",     "pa",      "kpa",    "kb",     "mb",        "gb",
    "tb",     "px",      "pt",     "pm",      "am",      "usd",    "eur",    "gbp",       "cny",
    "rmb",    "inr",     "hkd",    "th",      "st",      "nd",     "rd",     "deg",       "rad",
    "mol",    "sq",      "cents",  "cent",    "dollars", "dollar", "euros",  "pounds",    "hours",
    "hour",   "minutes", "minute", "seconds", "second",  "days",   "day",    "weeks",     "week",
    "months", "month",   "years",  "year",    "meters",  "metres", "miles",  "inches",    "feet",
    "foot",   "people",  "times",  "ways",    "degrees", "units",  "points", "percentage"};
// Words that make more of a number, or less, than itself.
constexpr std::string_view kNoUnits[] = {"or",
                                         "and",
                                         "to",
                                         "plus",
                                         "minus",
                                         "over",
                                         "pi",
                                         "half",
                                         "halves",
                                         "thirds",
                                         "fourths",
                                         "fifths",
                                         "sixths",
                                         "eighths",
                                         "tenths",
                                         "hundredths",
                                         "thousandths",
                                         "root",
                                         "squared",
                                         "cubed",
                                         "factorial",
                                         "mod",
                                         "base",
                                         "choose",
                                         "more",
                                         "less",
                                         "than",
                                         "sqrt",
                                         "log",
                                         "sin",
                                         "cos",
                                         "tan",
                                         "divided",
                                         "multiplied",
                                         "between",
                                         "from",
                                         "approximately",
                                         "about",
                                         "not",
                                         "one",
                                         "two",
                                         "three",
                                         "four",
                                         "five",
                                         "six",
                                         "seven",
                                         "eight",
                                         "nine",
                                         "ten",
                                         "remainder",
                                         "r",
                                         "million",
                                         "millions"};

template <size_t n>
bool contains(const std::string_view (&list)[n], std::string_view word) {
  return std::find(std::begin(list), std::end(list), word) != std::end(list);
}

bool is_unit(std::string_view text, size_t at, const std::string& word, bool is_attached) {
  if (contains(kNoUnits, word) || word.size() >= 24) return false;
  if (word.size() == 1 && is_variable(text[at]) && text[at] != 'K') return false;
  if (word.size() == 1 && is_attached && text[at] == 'K') return false;
  return contains(kUnits, word) || (!is_attached && word.size() > 2) ||
         (word.size() == 1 && text[at] >= 'A' && text[at] <= 'Z') ||
         (!is_attached && word.size() == 2 && (word == "of" || word == "a" || word == "an"));
}

// ^2, ^{2}, ^{-2} behind a unit; the length, or 0.
size_t unit_power(std::string_view text) {
  for (std::string_view power : {"^2", "^3", "^{2}", "^{3}", "^{-1}", "^{-2}", "^{-3}"})
    if (text.starts_with(power)) return power.size();
  return 0;
}

// The 千 of 千米 and 千克, which is no thousand.
bool is_kilo(std::string_view text) {
  return text.starts_with("千") && han_scale(text, 0).length == 0;
}

// What follows a number in Chinese: a measure word and a noun, without a numeral or a word that
// changes the number. `after_han` asks for a known measure word: 一样, 三角形 are no numbers.
bool is_han_unit(std::string_view text, bool after_han) {
  constexpr std::string_view kMeasures[] = {
      "个", "個", "只", "元",   "块",   "人",   "米", "厘米", "毫米", "公里",  "公斤",
      "克", "吨", "升", "毫升", "小时", "分钟", "秒", "天",   "年",   "岁",    "本",
      "支", "张", "条", "件",   "次",   "倍",   "度", "页",   "名",   "位",    "头",
      "匹", "棵", "朵", "辆",   "台",   "套",   "双", "对",   "组",   "排",    "行",
      "层", "间", "户", "平方", "立方", "斤",   "杯", "瓶",   "箱",   "袋",    "盒",
      "颗", "粒", "枚", "根",   "座",   "种",   "架", "艘",   "美元", "人民币"};
  constexpr std::string_view kChanges[] = {"半",   "几", "多", "余", "成", "折", "打", "兆", "分之",
                                           "点",   "又", "或", "和", "与", "至", "到", "约", "以",
                                           "左右", "，", "、", "；", "～", "比", "不"};
  if (text.empty()) return true;
  if (text.size() > 3 * 10) return false;
  for (std::string_view change : kChanges)
    if (text.find(change) != text.npos) return false;
  for (size_t i = 0; i < text.size(); ++i)
    if (han_number_begins(text, i) && !is_kilo(text.substr(i))) return false;
  return !after_han || std::any_of(std::begin(kMeasures), std::end(kMeasures),
                                   [&](std::string_view word) { return text.starts_with(word); });
}

bool is_suffix(std::string_view text, bool after_han) {
  size_t words = 0;
  for (size_t at = 0; at < text.size();) {
    const std::string_view rest = text.substr(at);
    const char c = text[at];
    if (is_blank(c) || c == '$') {
      ++at;
    } else if (static_cast<unsigned char>(c) >= 0x80) {
      size_t end = at;
      while (end < text.size() && static_cast<unsigned char>(text[end]) >= 0x80) ++end;
      if (!is_han_unit(text.substr(at, end - at), after_han && at == 0)) return false;
      at = end;
    } else if (is_letter(c)) {
      const std::string word = word_after(text, at);
      if (!is_unit(text, at, word, at == 0) || ++words > kUnitWordsMax) return false;
      at += word.size();
      at += unit_power(text.substr(at));
    } else if (rest.starts_with("^\\circ") || rest.starts_with("^{\\circ}")) {
      at += rest.starts_with("^{") ? 8 : 6;
      while (at < text.size() && text[at] == ' ') ++at;
    } else if (rest.starts_with("^{th}") || rest.starts_with("^th")) {
      at += rest.starts_with("^{") ? 5 : 3;
    } else if ((c == '/' || c == '*' || c == '-' || c == '.') && words > 0) {
      ++at;  // km/h, square-feet, sq. ft
    } else if (c == '/' && at + 1 < text.size() && is_letter(text[at + 1])) {
      const std::string word = word_after(text, at + 1);  // 5/hour
      if (!contains(kUnits, word) && word.size() < 3) return false;
      ++at;
    } else if (rest.starts_with("\\$") || rest.starts_with("\\%")) {
      return false;
    } else if (rest.starts_with("\\mu") || rest.starts_with("\\Omega")) {
      at += rest.starts_with("\\mu") ? 3 : 6;
    } else {
      return false;
    }
  }
  return true;
}

bool has_number(std::string_view text) { return std::any_of(text.begin(), text.end(), is_digit); }

}  // namespace

std::optional<FoundNumber> one_number(std::string_view text, NumberPlace place) {
  FoundNumber found{0, text.size(), std::nullopt};
  const bool has_digits = has_number(text);
  auto nothing = [&] { return has_digits ? std::optional(found) : std::nullopt; };
  text = trimmed(text);
  if (text.size() > kTextMax) return nothing();
  const std::string plain = undressed(text);
  const std::string_view whole = bare(without_label(bare(plain)));
  const auto prefix = read_prefix(whole);
  if (!prefix || prefix->length >= whole.size()) return nothing();
  const bool is_han = !number_begins(whole, prefix->length);
  FoundNumber number =
      is_han ? read_han_number(whole, prefix->length) : read_number(whole, prefix->length);
  if (!number.value) return nothing();
  const std::string_view suffix = whole.substr(number.end);
  if (!is_suffix(suffix, is_han)) return nothing();
  // "- 5 apples" may be a list's item.
  if (place == NumberPlace::alone && prefix->is_spaced && !trimmed(suffix).empty())
    return nothing();
  if (prefix->is_negative && !number.value->is_zero())
    number.value->is_negative = !number.value->is_negative;
  found.value = std::move(number.value);
  return found;
}

}  // namespace weir
