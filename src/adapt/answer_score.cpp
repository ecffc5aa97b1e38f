#include "adapt/answer_score.h"

#include <algorithm>
#include <set>
#include <string>

#include "base/ascii.h"
#include "knowledge/stop_words.h"
#include "knowledge/words.h"

namespace weir {
namespace {

bool is_number(const std::string& word) { return std::all_of(word.begin(), word.end(), is_digit); }

// "1,000.50" is one number, "10." at the end of a sentence is 10.
std::set<std::string> numbers_of(std::string_view text) {
  std::set<std::string> numbers;
  for (size_t at = 0; at < text.size();) {
    if (!is_digit(text[at])) {
      ++at;
      continue;
    }
    std::string number;
    for (; at < text.size(); ++at) {
      if (is_digit(text[at])) {
        number += text[at];
        continue;
      }
      const bool is_inside = at + 1 < text.size() && is_digit(text[at + 1]);
      if (text[at] == '.' && is_inside) {
        number += '.';
      } else if (text[at] != ',' || !is_inside) {
        break;
      }
    }
    numbers.insert(number);
  }
  return numbers;
}

std::set<std::string> words_of(std::string_view text) {
  std::set<std::string> out;
  for (Word& word : split_words(text))
    if (word.kind != Word::Kind::single) out.insert(std::move(word.text));
  return out;
}

}  // namespace

AnswerScore score_answer(std::string_view answer, std::string_view expected,
                         std::string_view question) {
  const std::set<std::string> asked = words_of(question), said = words_of(answer);
  const std::set<std::string> all = words_of(expected);
  std::set<std::string> key, numbers;
  for (const std::string& word : all)
    if (!asked.contains(word) && !is_stop_word(word) && !is_number(word)) key.insert(word);
  const std::set<std::string> asked_numbers = numbers_of(question),
                              said_numbers = numbers_of(answer);
  for (const std::string& number : numbers_of(expected))
    if (!asked_numbers.contains(number)) numbers.insert(number);
  if (key.empty() && numbers.empty()) key = all;
  AnswerScore score;
  size_t found = 0;
  for (const std::string& word : key) found += said.contains(word);
  score.coverage = key.empty() ? 1 : double(found) / double(key.size());
  for (const std::string& number : numbers)
    if (!said_numbers.contains(number)) score.has_numbers = false;
  score.is_right = score.coverage >= kRightCoverage && score.has_numbers;
  return score;
}

bool states_evidence(std::string_view answer, std::string_view evidence) {
  const std::vector<std::string> words = content_words(evidence);
  if (words.empty()) return false;
  const std::set<std::string> said = words_of(answer);
  const auto found =
      std::ranges::count_if(words, [&](const std::string& word) { return said.contains(word); });
  return double(found) >= kQuotedShare * double(words.size());
}

}  // namespace weir
