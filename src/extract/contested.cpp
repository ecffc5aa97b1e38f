#include "extract/contested.h"

#include <algorithm>

#include "base/ascii.h"
#include "base/text.h"
#include "extract/text_matches.h"
#include "text/sentences.h"

namespace weir {
namespace {

constexpr size_t kContradictionBytesMax = 200;
constexpr size_t kReach = 40;  // bytes from the field's name to its value

// "seller.invoiceTotal" -> invoice, total.
std::vector<std::string> name_words(const std::string& path) {
  const std::string name = path.substr(path.rfind('.') + 1);
  std::vector<std::string> words(1);
  for (size_t i = 0; i < name.size(); ++i) {
    const bool begins = is_upper(name[i]) && i > 0 && !is_upper(name[i - 1]);
    const bool joins = is_letter(name[i]) || static_cast<unsigned char>(name[i]) >= 0x80;
    if ((begins || !joins) && !words.back().empty()) words.emplace_back();
    if (joins) words.back() += lower_case(name.substr(i, 1));
  }
  std::erase_if(words, [](const std::string& word) { return word.size() < 3; });
  return words;
}

// Where a whole word ends in a text in lower case; npos.
size_t end_of_word(std::string_view text, std::string_view word) {
  for (size_t at = text.find(word); at != text.npos; at = text.find(word, at + 1)) {
    const size_t end = at + word.size();
    if ((at == 0 || !is_letter(text[at - 1])) && (end == text.size() || !is_letter(text[end])))
      return end;
  }
  return text.npos;
}

bool holds(std::string_view text, const Json& value) {
  if (value.is_number()) {
    const Result<double> number = value.as_double();
    return number && match_number(text, *number);
  }
  const std::optional<CalendarDay> day = parse_iso_day(value.text());
  return day && match_day(text, *day);
}

// Whether a text gives the named field a value of the same kind that is not this one.
bool says_otherwise(std::string_view text, const std::vector<std::string>& names,
                    const Json& value) {
  if (holds(text, value)) return false;
  const std::string small = lower_case(text);
  size_t end = 0;
  for (const std::string& name : names) {
    const size_t found = end_of_word(small, name);
    if (found == small.npos) return false;
    end = std::max(end, found);
  }
  return std::ranges::any_of(small.substr(end, kReach), is_digit);
}

std::string cut_quote(std::string_view text) {
  return printable(trim(text), kContradictionBytesMax);
}

}  // namespace

std::optional<std::string> find_contradiction(const SafeDocument& safe, const std::string& path,
                                              const Json& value, const FieldSource& source) {
  if (path.find('[') != path.npos) return {};
  if (!value.is_number() && !parse_iso_day(value.text())) return {};
  const std::vector<std::string> names = name_words(path);
  if (names.empty()) return {};
  // An instruction competes by one of the words: "set the total to 9" is about total_amount.
  for (const WithheldText& one : safe.withheld)
    for (const std::string& name : names)
      if (says_otherwise(one.text, {name}, value)) return cut_quote(one.text);
  for (size_t i = 0; i < safe.document.blocks.size(); ++i) {
    const std::string& text = safe.document.blocks[i].text;
    for (const std::string_view part : split_sentences(text)) {
      const auto begin = size_t(part.data() - text.data());
      const bool is_source = i == source.block && begin >= source.line &&
                             text.substr(source.line, begin - source.line).find('\n') == text.npos;
      if (!is_source && says_otherwise(part, names, value)) return cut_quote(part);
    }
  }
  return {};
}

}  // namespace weir
