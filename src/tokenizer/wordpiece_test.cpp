#include "tokenizer/wordpiece.h"

#include <gtest/gtest.h>

#include "base/json.h"
#include "base/text.h"
#include "formats/gguf.h"
#include "testing/tokenizer_data.h"

namespace weir {
namespace {

std::vector<std::string> words_of(std::string_view text, const BertWordRules& rules = {}) {
  std::vector<std::string> words;
  for_bert_words(text, rules, [&](std::string_view word, size_t) { words.emplace_back(word); });
  return words;
}
using Words = std::vector<std::string>;

TEST(BertWords, PunctuationIdeographsAndBlanksEndWords) {
  EXPECT_EQ(words_of("Don't (do)\tit!"), (Words{"don", "'", "t", "(", "do", ")", "it", "!"}));
  EXPECT_EQ(words_of("深淘a滩b"), (Words{"深", "淘", "a", "滩", "b"}));
  EXPECT_EQ(words_of("a\u00a0b\u3000c\u2028d"), (Words{"a", "b", "c", "d"}));
  EXPECT_EQ(words_of("—“x”…"), (Words{"—", "“", "x", "”", "…"}));
  EXPECT_TRUE(words_of(" \n\t ").empty());
}

TEST(BertWords, AccentsControlsAndCaseGoUnlessKept) {
  EXPECT_EQ(words_of("Ünïcödé ÇA"), (Words{"unicode", "ca"}));
  EXPECT_EQ(words_of("z\u0301\u0302\u200b\u00adz a\x01\x7f"
                     "b \xff"),
            (Words{"zz", "ab"}));
  EXPECT_EQ(words_of("한"), (Words{"\u1112\u1161\u11ab"}));  // decomposed
  EXPECT_EQ(words_of("Ünï", {.strip_accents = false}), (Words{"ünï"}));
  EXPECT_EQ(words_of("İ", {.strip_accents = false}), (Words{"i\u0307"}));
  EXPECT_EQ(words_of("Ünï", {.strip_accents = false, .lowercase = false}), (Words{"Ünï"}));
  EXPECT_EQ(words_of("a\x01z", {.clean_text = false}), (Words{"a\x01z"}));
  EXPECT_EQ(words_of("深淘", {.handle_chinese_chars = false}), (Words{"深淘"}));
}

WordPieceSpec small_spec() {
  WordPieceSpec spec;
  spec.tokens = {"[PAD]", "[UNK]", "[CLS]", "[SEP]", "un", "##aff", "##able", "##a", "a", "b"};
  spec.added = {{.id = 2, .text = "[CLS]"}, {.id = 3, .text = "[SEP]"}};
  spec.before = {2}, spec.after = {3};
  return spec;
}

TEST(WordPiece, TakesTheLongestTokensAndLeavesNoPartOfAnUnknownWord) {
  const auto tokenizer = WordPiece::create(small_spec());
  ASSERT_TRUE(tokenizer) << tokenizer.error().message;
  EXPECT_EQ(tokenizer->encode("unaffable"), (std::vector<int>{4, 5, 6}));
  EXPECT_EQ(tokenizer->encode("Una b"), (std::vector<int>{4, 7, 9}));
  EXPECT_EQ(tokenizer->encode("unaffabled b"), (std::vector<int>{1, 9}));
  EXPECT_EQ(tokenizer->encode(""), (std::vector<int>{}));
  // A word of more than 100 characters is unknown whatever its letters.
  EXPECT_EQ(tokenizer->encode("a" + std::string(100, 'a')), (std::vector<int>{1}));
  EXPECT_EQ(tokenizer->encode(std::string(100, 'a')).size(), 100u);
}

TEST(WordPiece, ControlTokensOfATextAreWordsUnlessAllowed) {
  const auto tokenizer = WordPiece::create(small_spec());
  ASSERT_TRUE(tokenizer);
  EXPECT_EQ(tokenizer->encode("a[SEP]b"), (std::vector<int>{8, 1, 1, 1, 9}));
  EXPECT_EQ(tokenizer->encode("a[SEP]b", true), (std::vector<int>{8, 3, 9}));
}

TEST(WordPiece, ErrorsNameTheToken) {
  WordPieceSpec spec = small_spec();
  spec.unknown = "[OOV]";
  EXPECT_NE(WordPiece::create(spec).error().message.find("'[OOV]'"), std::string::npos);
  spec = small_spec();
  spec.after = {10};
  EXPECT_NE(WordPiece::create(spec).error().message.find("id 10"), std::string::npos);
  spec = small_spec();
  spec.added.push_back({.id = -4, .text = "x"});
  EXPECT_NE(WordPiece::create(spec).error().message.find("-4"), std::string::npos);
}

std::string json_of(const std::string& normalizer, const std::string& model = "") {
  return R"({"added_tokens": [], "normalizer": )" + normalizer +
         R"(, "pre_tokenizer": {"type": "BertPreTokenizer"}, "post_processor": {"type":
         "BertProcessing", "sep": ["[SEP]", 3], "cls": ["[CLS]", 2]}, "model": {"type": "WordPiece",
         "vocab": {"[PAD]": 0, "[UNK]": 1, "[CLS]": 2, "[SEP]": 3, "É": 4, "e": 5})" +
         model + "}}";
}

TEST(WordPieceJson, StripAccentsFollowsLowercase) {
  const auto lower = parse_wordpiece_json(json_of(R"({"type": "BertNormalizer"})"));
  ASSERT_TRUE(lower) << lower.error().message;
  EXPECT_EQ(lower->encode("É"), std::vector<int>{5});
  EXPECT_EQ(lower->prefix(), std::vector<int>{2});
  EXPECT_EQ(lower->suffix(), std::vector<int>{3});
  const auto cased = parse_wordpiece_json(
      json_of(R"({"type": "BertNormalizer", "lowercase": false, "strip_accents": null})"));
  ASSERT_TRUE(cased) << cased.error().message;
  EXPECT_EQ(cased->encode("É"), std::vector<int>{4});
}

TEST(WordPieceJson, WhatEncodesDifferentlyIsRefusedWithItsPlace) {
  const std::string usual = R"({"type": "BertNormalizer"})";
  EXPECT_NE(parse_wordpiece_json(json_of(R"({"type": "NFKC"})")).error().message.find("normalizer"),
            std::string::npos);
  EXPECT_NE(parse_wordpiece_json(json_of(usual, R"(, "max_input_chars_per_word": 0)"))
                .error()
                .message.find("max_input_chars_per_word"),
            std::string::npos);
  EXPECT_FALSE(parse_wordpiece_json(R"({"model": {"type": "BPE"}})"));
  EXPECT_FALSE(parse_wordpiece_json("[]"));
  EXPECT_FALSE(is_wordpiece_json("{"));
  EXPECT_TRUE(is_wordpiece_json(json_of(usual)));
}

TEST(WordPieceGguf, TokensAreReadInLlamaCppsForm) {
  GgufMetadata metadata;
  metadata.set("tokenizer.ggml.model", std::string("bert"));
  metadata.set("tokenizer.ggml.tokens",
               std::vector<std::string>{"[PAD]", "[UNK]", "[CLS]", "[SEP]", "\u2581un", "able"});
  ASSERT_TRUE(has_gguf_wordpiece(metadata));
  const auto tokenizer = read_gguf_wordpiece(metadata);
  ASSERT_TRUE(tokenizer) << tokenizer.error().message;
  EXPECT_EQ(tokenizer->encode("unable able"), (std::vector<int>{4, 5, 1}));
  EXPECT_EQ(tokenizer->prefix(), std::vector<int>{2});
}

// Rows of tools/make_embedding_golden.py: ids with [CLS] and [SEP], cut by sentence-transformers.
void expect_ids_as_in(const std::string& folder, const std::string& rows) {
  const auto tokenizer = read_wordpiece(folder);
  ASSERT_TRUE(tokenizer) << tokenizer.error().message;
  int count = 0;
  for (const std::string& line : split(must_read(rows), '\n')) {
    if (line.empty()) continue;
    const auto row = parse_json(line);
    ASSERT_TRUE(row) << line.substr(0, 80);
    std::vector<int> wanted;
    for (const Json& id : row->find("ids")->items()) wanted.push_back(int(*id.as_int()));
    std::vector<int> ids = tokenizer->encode(row->text_at("text"));
    ids.resize(std::min(ids.size(), wanted.size() - 2));
    ids.insert(ids.begin(), tokenizer->prefix()[0]);
    ids.push_back(tokenizer->suffix()[0]);
    EXPECT_EQ(ids, wanted) << row->text_at("text");
    ++count;
  }
  EXPECT_GT(count, 10);
}

TEST(WordPieceGolden, EncodesAsTokenizersDoes) {
  expect_ids_as_in(test_data("tiny-bert"), test_data("tiny-bert/golden.jsonl"));
}

TEST(WordPieceGolden, EncodesAsTokenizersDoesWithMiniLMsVocabulary) {
  const char* folder = std::getenv("WEIR_REAL_MODELS");
  const std::string path = join_path(folder ? folder : "", "all-MiniLM-L6-v2");
  if (!folder || !is_directory(path)) GTEST_SKIP() << "no all-MiniLM-L6-v2 in WEIR_REAL_MODELS";
  expect_ids_as_in(path, test_data("minilm.golden.jsonl"));
}

}  // namespace
}  // namespace weir
