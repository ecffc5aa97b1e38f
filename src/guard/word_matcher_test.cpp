#include "guard/word_matcher.h"

#include <gtest/gtest.h>

#include <random>
#include <string>

namespace weir {
namespace {

std::vector<std::string> found(const WordMatcher& matcher, std::string_view text) {
  WordMatcher::Stream stream(matcher);
  std::vector<WordMatch> matches;
  stream.push(text, true, matches);
  std::vector<std::string> words;
  for (const WordMatch& m : matches) words.emplace_back(text.substr(m.begin, m.end - m.begin));
  return words;
}

WordMatcher matcher_of(std::vector<std::string> words, WordMatcher::Entry entry = {}) {
  WordMatcher matcher;
  for (const std::string& word : words) EXPECT_TRUE(matcher.add(word, entry)) << word;
  matcher.finish();
  return matcher;
}

using Words = std::vector<std::string>;

TEST(WordMatcher, FindsWholeWordsAndPhrases) {
  const WordMatcher m = matcher_of({"blue parrot", "parrot", "he", "hers", "she"});
  EXPECT_EQ(found(m, "A Blue  Parrot; parrots, PARROT."),
            (Words{"Blue  Parrot", "Parrot", "PARROT"}));
  EXPECT_EQ(found(m, "ushers she"), Words{"she"});
}

TEST(WordMatcher, FindsPartsOfWordsWhereAskedFor) {
  const WordMatcher m = matcher_of({"he", "hers", "she"}, {.is_whole = false});
  EXPECT_EQ(found(m, "ushers"), (Words{"she", "he", "hers"}));  // Aho and Corasick's example
}

TEST(WordMatcher, SeesThroughSpellings) {
  const WordMatcher m = matcher_of({"parrot", "蓝色鹦鹉", "爱国"});
  for (const char* text : {"ｐａｒｒｏｔ", "par\u200Brot", "p a r r o t", "p-a-r-r-o-t", "pаrrоt",
                           "pa*rr|ot", "párröt", "𝓹arrot", "ＰＡＲＲＯＴ", "p\u0301arrot"})
    EXPECT_EQ(found(m, std::string("a green ") + text + " flew"), Words{text}) << text;
  for (const char* text :
       {"蓝色鹦鹉", "藍色鸚鵡", "蓝 色，鹦*鹉", "蓝色\u200B鹦鹉", "愛國", "蓝色\n鹦鹉"})
    EXPECT_EQ(found(m, std::string("有一只") + text + "飞了"), Words{text}) << text;
  EXPECT_TRUE(found(m, "蓝色。鹦鹉").empty());  // two sentences
  EXPECT_TRUE(found(m, "par rot").empty());
  EXPECT_TRUE(found(m, "parroting").empty());
}

TEST(WordMatcher, FindsTheFirstLettersOfReadings) {
  const WordMatcher m = matcher_of({"蓝色鹦鹉"}, {.has_readings = true});
  EXPECT_EQ(found(m, "那只 LSYW 呢"), Words{"LSYW"});
  EXPECT_TRUE(found(m, "LSYWX").empty());
}

TEST(WordMatcher, RefusesWordsThatMeanNothing) {
  WordMatcher matcher;
  EXPECT_FALSE(matcher.add("", {}));
  EXPECT_FALSE(matcher.add("。。", {}));
  EXPECT_FALSE(matcher.add("a", {}));
  EXPECT_FALSE(matcher.add("鸟", {}));
  EXPECT_FALSE(matcher.add(std::string(200, 'x'), {}));
}

// Against a search for each word by itself, over a small alphabet where everything overlaps.
TEST(WordMatcher, AgreesWithPlainSearch) {
  std::mt19937 random(7);
  const auto text_of = [&](size_t length) {
    std::string text;
    for (size_t i = 0; i < length; ++i) text += char('a' + random() % 3);
    return text;
  };
  for (int round = 0; round < 50; ++round) {
    std::vector<std::string> words;
    WordMatcher matcher;
    for (int i = 0; i < 20; ++i) {
      words.push_back(text_of(2 + random() % 5));
      ASSERT_TRUE(matcher.add(words.back(), {.rule = i, .is_whole = false}));
    }
    matcher.finish();
    const std::string text = text_of(300);
    size_t expected = 0;
    for (const std::string& word : words)
      for (size_t at = text.find(word); at != text.npos; at = text.find(word, at + 1)) ++expected;
    WordMatcher::Stream stream(matcher);
    std::vector<WordMatch> matches;
    stream.push(text, true, matches);
    EXPECT_EQ(matches.size(), expected);
    for (const WordMatch& match : matches)
      EXPECT_EQ(text.substr(match.begin, match.end - match.begin), words[size_t(match.rule)]);
  }
}

}  // namespace
}  // namespace weir
