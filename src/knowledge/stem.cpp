#include "knowledge/stem.h"

#include <algorithm>
#include <string_view>

namespace weir {
namespace {

bool is_vowel_at(std::string_view word, size_t i) {
  switch (word[i]) {
    case 'a':
    case 'e':
    case 'i':
    case 'o':
    case 'u':
      return true;
    case 'y':
      return i > 0 && !is_vowel_at(word, i - 1);
    default:
      return false;
  }
}

// m of the paper: how often vowels are followed by consonants.
int measure(std::string_view stem) {
  int count = 0;
  bool was_vowel = false;
  for (size_t i = 0; i < stem.size(); ++i) {
    const bool vowel = is_vowel_at(stem, i);
    if (was_vowel && !vowel) ++count;
    was_vowel = vowel;
  }
  return count;
}

bool has_vowel(std::string_view stem) {
  for (size_t i = 0; i < stem.size(); ++i)
    if (is_vowel_at(stem, i)) return true;
  return false;
}

// *d: two equal consonants at the end.
bool ends_double(std::string_view word) {
  const size_t n = word.size();
  return n >= 2 && word[n - 1] == word[n - 2] && !is_vowel_at(word, n - 1);
}

// *o: consonant, vowel, consonant other than w, x, y.
bool ends_short(std::string_view word) {
  const size_t n = word.size();
  if (n < 3 || is_vowel_at(word, n - 1) || !is_vowel_at(word, n - 2) || is_vowel_at(word, n - 3))
    return false;
  return word[n - 1] != 'w' && word[n - 1] != 'x' && word[n - 1] != 'y';
}

struct Rule {
  std::string_view suffix, replacement;
};

// The longest suffix that fits is replaced where the measure of what is before it exceeds `above`.
template <size_t N>
void apply(std::string& word, const Rule (&rules)[N], int above) {
  for (const Rule& rule : rules) {
    if (!word.ends_with(rule.suffix)) continue;
    const std::string_view stem(word.data(), word.size() - rule.suffix.size());
    if (measure(stem) > above) word.replace(stem.size(), std::string::npos, rule.replacement);
    return;
  }
}

void step_1a(std::string& word) {
  if (word.ends_with("sses") || word.ends_with("ies"))
    word.resize(word.size() - 2);
  else if (word.ends_with("s") && !word.ends_with("ss"))
    word.pop_back();
}

void step_1b(std::string& word) {
  if (word.ends_with("eed")) {
    if (measure(std::string_view(word).substr(0, word.size() - 3)) > 0) word.pop_back();
    return;
  }
  const size_t cut = word.ends_with("ed") ? 2 : word.ends_with("ing") ? 3 : 0;
  if (cut == 0 || !has_vowel(std::string_view(word).substr(0, word.size() - cut))) return;
  word.resize(word.size() - cut);
  if (word.ends_with("at") || word.ends_with("bl") || word.ends_with("iz"))
    word += 'e';
  else if (ends_double(word) && word.back() != 'l' && word.back() != 's' && word.back() != 'z')
    word.pop_back();
  else if (measure(word) == 1 && ends_short(word))
    word += 'e';
}

void step_1c(std::string& word) {
  if (word.back() == 'y' && has_vowel(std::string_view(word).substr(0, word.size() - 1)))
    word.back() = 'i';
}

constexpr Rule kStep2[] = {
    {"ational", "ate"}, {"tional", "tion"}, {"enci", "ence"},   {"anci", "ance"}, {"izer", "ize"},
    {"logi", "log"},    {"bli", "ble"},     {"alli", "al"},     {"entli", "ent"}, {"eli", "e"},
    {"ousli", "ous"},   {"ization", "ize"}, {"ation", "ate"},   {"ator", "ate"},  {"alism", "al"},
    {"iveness", "ive"}, {"fulness", "ful"}, {"ousness", "ous"}, {"aliti", "al"},  {"iviti", "ive"},
    {"biliti", "ble"}};
constexpr Rule kStep3[] = {{"icate", "ic"}, {"ative", ""}, {"alize", "al"}, {"iciti", "ic"},
                           {"ical", "ic"},  {"ful", ""},   {"ness", ""}};
constexpr Rule kStep4[] = {{"ement", ""}, {"ance", ""}, {"ence", ""}, {"able", ""}, {"ible", ""},
                           {"ment", ""},  {"ant", ""},  {"ent", ""},  {"ism", ""},  {"ate", ""},
                           {"iti", ""},   {"ous", ""},  {"ive", ""},  {"ize", ""},  {"al", ""},
                           {"er", ""},    {"ic", ""},   {"ou", ""}};

void step_4(std::string& word) {
  if (word.ends_with("ion")) {
    const std::string_view stem(word.data(), word.size() - 3);
    if (measure(stem) > 1 && (stem.ends_with('s') || stem.ends_with('t'))) word.resize(stem.size());
    return;
  }
  apply(word, kStep4, 1);
}

void step_5(std::string& word) {
  if (word.ends_with('e')) {
    const std::string_view stem(word.data(), word.size() - 1);
    const int m = measure(stem);
    if (m > 1 || (m == 1 && !ends_short(stem))) word.pop_back();
  }
  if (word.ends_with("ll") && measure(std::string_view(word).substr(0, word.size() - 1)) > 1)
    word.pop_back();
}

}  // namespace

void stem_english(std::string& word) {
  if (word.size() < 3 || word.size() > 40) return;
  if (!std::ranges::all_of(word, [](char c) { return c >= 'a' && c <= 'z'; })) return;
  step_1a(word);
  step_1b(word);
  step_1c(word);
  apply(word, kStep2, 0);
  apply(word, kStep3, 0);
  step_4(word);
  step_5(word);
}

}  // namespace weir
