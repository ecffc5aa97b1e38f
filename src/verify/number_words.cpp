// Words and the ends of words around a number.
#include <array>

#include "verify/number_reader.h"
#include "verify/plain_text.h"

namespace weir {
namespace {

constexpr size_t kWordMax = 24;

struct NamedScale {
  std::string_view word;
  ScaleWord scale;
};
constexpr std::array kScales = {
    NamedScale{"hundred", {1, 2}}, NamedScale{"thousand", {1, 3}},  NamedScale{"million", {1, 6}},
    NamedScale{"billion", {1, 9}}, NamedScale{"trillion", {1, 12}}, NamedScale{"lakh", {1, 5}},
    NamedScale{"crore", {1, 7}},   NamedScale{"dozen", {12, 0}},    NamedScale{"mn", {1, 6}},
    NamedScale{"mln", {1, 6}},     NamedScale{"bn", {1, 9}},
};

}  // namespace

std::optional<ScaleWord> scale_word(std::string_view word) {
  for (const NamedScale& named : kScales) {
    if (word == named.word) return named.scale;
    if (word.size() == named.word.size() + 1 && word.ends_with('s') &&
        word.starts_with(named.word) && named.word.size() > 3)
      return named.scale;
  }
  return std::nullopt;
}

std::string word_after(std::string_view text, size_t at) {
  std::string word;
  for (; at < text.size() && is_letter(text[at]) && word.size() < kWordMax; ++at)
    word += lower(text[at]);
  return word;
}

std::string word_before(std::string_view text, size_t at) {
  size_t begin = at;
  while (begin > 0 && at - begin < kWordMax && is_letter(text[begin - 1])) --begin;
  return word_after(text.substr(0, at), begin);
}

size_t skip_blanks(std::string_view text, size_t at) {
  while (at < text.size() && (text[at] == ' ' || text[at] == '\t')) ++at;
  return at;
}

size_t end_of_cluster(std::string_view text, size_t at) {
  for (; at < text.size(); ++at) {
    const char c = text[at];
    if (is_digit(c) || is_letter(c)) continue;
    if (std::string_view("\\{}_^").find(c) != std::string_view::npos) continue;
    const char next = at + 1 < text.size() ? text[at + 1] : ' ';
    const bool joins = std::string_view(".,:'*/-").find(c) != std::string_view::npos;
    if (!joins || !(is_digit(next) || is_letter(next) || next == '\\')) break;
  }
  return at;
}

}  // namespace weir
