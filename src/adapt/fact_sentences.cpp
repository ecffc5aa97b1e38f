#include "adapt/fact_sentences.h"

#include <algorithm>
#include <array>
#include <cctype>

#include "base/ascii.h"
#include "knowledge/words.h"
#include "tasks/row_reader.h"
#include "text/instructions.h"
#include "text/sentences.h"
#include "text/unicode.h"

namespace weir {
namespace {

constexpr size_t kSentenceBytesMin = 25, kSentenceBytesMax = 400;
constexpr double kSharesMax = 0.45;  // of bytes that are neither letters nor blanks

// First words that refer to what was said before.
constexpr std::array<std::string_view, 34> kReferring = {
    "it",      "its",       "this",    "that",  "these",    "those",    "they",
    "their",   "them",      "he",      "she",   "here",     "such",     "then",
    "there",   "therefore", "thus",    "hence", "also",     "however",  "otherwise",
    "instead", "moreover",  "finally", "again", "both",     "either",   "so",
    "but",     "and",       "or",      "note",  "likewise", "similarly"};
constexpr std::array<std::string_view, 20> kReferringHan = {
    "它",   "其",   "这",   "那",   "该",   "此",   "上述", "以上", "以下", "如下",
    "但是", "因此", "所以", "而且", "另外", "否则", "然后", "他们", "她",   "他"};
// Wherever they stand, the sentence is about another place of the document.
constexpr std::array<std::string_view, 24> kElsewhere = {
    "see section",  "for details",  "more information",
    "refer to",     "see also",     "see below",
    "see the",      "see chapter",  "shown below",
    "below)",       "following",    "this section",
    "this chapter", "figure ",      "table below",
    "above",        "next section", "previous section",
    "下面",         "如下",         "上面",
    "本章",         "本节",         "参见"};

bool points_elsewhere(std::string_view sentence) {
  const std::string text = lower_case(sentence);
  return std::any_of(kElsewhere.begin(), kElsewhere.end(),
                     [&](std::string_view mark) { return text.find(mark) != std::string::npos; });
}

// Code, tables and lists of names have more marks than sentences have.
bool is_prose(std::string_view sentence) {
  size_t marks = 0;
  bool has_letter = false;
  for (const char byte : sentence) {
    const auto c = static_cast<unsigned char>(byte);
    if (std::isalpha(c) || c >= 128) {
      has_letter = true;
    } else if (c != ' ') {
      ++marks;
    }
  }
  return has_letter && double(marks) <= kSharesMax * double(sentence.size()) &&
         sentence.find(" | ") == std::string_view::npos;
}

// A line of a list of names, of code or of a heading has no end mark.
bool is_ended(std::string_view sentence) {
  constexpr std::array<std::string_view, 10> kEnds = {".",   "!",   "。",   "！", ".)",
                                                      ".\"", "。”", "。）", ".”", "!)"};
  return std::any_of(kEnds.begin(), kEnds.end(),
                     [&](std::string_view end) { return sentence.ends_with(end); });
}

double weight_of(std::string_view sentence) {
  double numbers = 0, names = 0, words = 0;
  for (const Word& word : split_words(sentence)) {
    const bool has_digit = std::any_of(word.text.begin(), word.text.end(),
                                       [](unsigned char c) { return std::isdigit(c) != 0; });
    if (word.kind == Word::Kind::joined) ++names;
    if (has_digit) ++numbers;
    ++words;
  }
  // A sentence of 8 to 25 words says one thing.
  const double length = words < 8 ? words / 8 : words <= 25 ? 1 : 25 / words;
  return length + 0.5 * std::min(numbers, 2.) + 0.4 * std::min(names, 2.);
}

}  // namespace

bool stands_alone(std::string_view sentence) {
  for (std::string_view begin : kReferringHan)
    if (sentence.starts_with(begin)) return false;
  size_t end = 0;
  while (end < sentence.size() && std::isalpha(static_cast<unsigned char>(sentence[end]))) ++end;
  const std::string first = lower_case(sentence.substr(0, end));
  return std::find(kReferring.begin(), kReferring.end(), first) == kReferring.end();
}

std::vector<FactSentence> fact_sentences(std::string_view text, size_t count) {
  std::vector<FactSentence> found;
  const std::vector<std::string_view> sentences = split_sentences(text);
  const std::vector<Instruction> instructions = find_instructions(text);
  // What a document tells its reader to write is no fact.
  const auto is_instruction = [&](std::string_view s) {
    const auto begin = size_t(s.data() - text.data());
    return std::any_of(instructions.begin(), instructions.end(), [&](const Instruction& one) {
      return one.begin < begin + s.size() && begin < one.end;
    });
  };
  for (size_t i = 0; i < sentences.size(); ++i) {
    const std::string_view s = sentences[i];
    if (s.size() < kSentenceBytesMin || s.size() > kSentenceBytesMax || !is_ended(s) ||
        !is_prose(s) || !stands_alone(s) || points_elsewhere(s) || is_instruction(s))
      continue;
    found.push_back({i, s, weight_of(s)});
  }
  std::stable_sort(found.begin(), found.end(), [](const FactSentence& a, const FactSentence& b) {
    return a.weight > b.weight;
  });
  if (found.size() > count) found.resize(count);
  return found;
}

}  // namespace weir
