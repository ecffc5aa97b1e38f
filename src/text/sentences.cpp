#include "text/sentences.h"

#include <algorithm>
#include <array>
#include <string>

#include "base/ascii.h"
#include "base/text.h"

namespace weir {
namespace {

// What a name or more text always follows.
constexpr std::array<std::string_view, 12> kAbbreviations = {
    "approx", "cf", "dr", "e.g", "esp", "i.e", "messrs", "mr", "mrs", "ms", "prof", "vs"};
// Abbreviations where a number follows, else words at the end of a sentence.
constexpr std::array<std::string_view, 8> kBeforeNumbers = {"ch", "eq",  "fig", "figs",
                                                            "no", "nos", "pp",  "sec"};

constexpr std::array<std::string_view, 5> kWideMarks = {"。", "！", "？", "｡", "…"};
constexpr std::array<std::string_view, 12> kClosing = {"\"", "'",  ")",  "]",  "”",  "’",
                                                       "»",  "」", "』", "）", "】", "》"};

// The bytes of the one of `marks` that stands at the text's beginning; 0: none does.
template <size_t n>
size_t mark_at(std::string_view text, const std::array<std::string_view, n>& marks) {
  for (std::string_view mark : marks)
    if (text.starts_with(mark)) return mark.size();
  return 0;
}

bool is_blank(char c) { return c == ' ' || c == '\t'; }

// What stands before a full stop, back to a blank or an opening bracket.
std::string_view word_before(std::string_view sentence) {
  size_t begin = sentence.size();
  while (begin > 0 && !is_blank(sentence[begin - 1]) && sentence[begin - 1] != '(') --begin;
  return sentence.substr(begin);
}

template <size_t n>
bool is_one_of(std::string_view word, const std::array<std::string_view, n>& words) {
  return std::find(words.begin(), words.end(), word) != words.end();
}

// Whether the full stop after `sentence` belongs to its last word; `after`: the line behind it.
bool is_of_word(std::string_view sentence, std::string_view after) {
  const std::string_view word = word_before(sentence);
  if (word.empty()) return true;  // " .profile"
  if (word.size() == 1 && is_letter(word[0])) return word[0] != 'I';
  if (word.size() == sentence.size() && std::all_of(word.begin(), word.end(), is_digit))
    return true;
  std::string lower(word);
  for (char& c : lower)
    if (c >= 'A' && c <= 'Z') c = char(c - 'A' + 'a');
  const std::string_view next = trim(after);
  return is_one_of(lower, kAbbreviations) ||
         (is_one_of(lower, kBeforeNumbers) && !next.empty() && is_digit(next[0]));
}

// Where the sentence that begins at `begin` ends, within one line.
size_t end_of_sentence(std::string_view line, size_t begin) {
  for (size_t at = begin; at < line.size();) {
    size_t size = mark_at(line.substr(at), kWideMarks);
    const bool is_wide = size > 0;
    const char c = line[at];
    if (!is_wide && c != '.' && c != '!' && c != '?') {
      ++at;
      continue;
    }
    const bool is_of_the_word =
        c == '.' && is_of_word(line.substr(begin, at - begin), line.substr(at + 1));
    at += is_wide ? size : 1;
    // "?!", "...", and what closes.
    while (at < line.size()) {
      const std::string_view rest = line.substr(at);
      size = std::max(mark_at(rest, kWideMarks), mark_at(rest, kClosing));
      if (size == 0 && (rest[0] == '.' || rest[0] == '!' || rest[0] == '?')) size = 1;
      if (size == 0) break;
      at += size;
    }
    if (is_wide) return at;
    if (is_of_the_word || at == line.size() || !is_blank(line[at])) continue;
    size_t next = at;
    while (next < line.size() && is_blank(line[next])) ++next;
    if (next == line.size() || !is_lower(line[next])) return at;
  }
  return line.size();
}

}  // namespace

std::vector<std::string_view> split_sentences(std::string_view text) {
  std::vector<std::string_view> sentences;
  const auto add = [&](std::string_view sentence) {
    sentence = trim(sentence);
    if (!sentence.empty()) sentences.push_back(sentence);
  };
  for (size_t at = 0; at < text.size();) {
    const size_t line_end = std::min(text.find('\n', at), text.size());
    const std::string_view line = text.substr(0, line_end);
    while (at < line_end) {
      while (at < line_end && is_blank(line[at])) ++at;
      const size_t end = end_of_sentence(line, at);
      add(line.substr(at, end - at));
      at = end;
    }
    at = line_end + 1;
  }
  return sentences;
}

}  // namespace weir
