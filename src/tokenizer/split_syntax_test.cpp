#include "tokenizer/split_syntax.h"

#include <gtest/gtest.h>

#include "base/json.h"
#include "base/text.h"
#include "testing/tokenizer_data.h"
#include "text/unicode.h"
#include "tokenizer/pretokenize.h"
#include "tokenizer/tokenizer_json.h"

namespace weir {
namespace {

SplitNode tree_of(const std::string& pattern) {
  Result<SplitNode> tree = parse_split_pattern(pattern);
  EXPECT_TRUE(tree) << tree.error().message;
  return tree ? *std::move(tree) : SplitNode();
}

TEST(SplitSyntax, F19OneMeaningHasOneTree) {
  const std::pair<const char*, const char*> same[] = {
      {"[\r\n]+", R"([\r\n]+)"},
      {R"([\x0A\r]{1,})", R"([\n\u000D]+)"},
      {R"(a|b|c+)", R"([ab]|(?:c)+)"},
      {R"((?<name>a)b?)", R"(ab{0,1}(?#comment))"},
      {R"([^\p{L}])", R"(\P{L})"},
      {R"([^\s\S])", R"([a&&b])"},
      {R"([\p{L}&&[^\p{Han}]])", R"([\p{L}&&\P{Han}])"},
      {R"((?i:'S))", R"('[sS\u017F])"},
      {R"((?i)k|l)", R"([kK\x{212A}]|[lL])"},
      {R"(a(?i)b|c)", R"(a(?:[bB]|[cC]))"},
      {R"([a\-z])", R"([-az])"},
      {R"([]a])", R"([\]a])"},
      {R"(\d[[:space:]])", R"(\p{Nd}\s)"},
      {R"(a{,3})", R"(a{0,3})"},
      {R"(a{2}?)", R"((?:a{2,2})?)"},
      {R"(a{1}b{)", R"(ab\{)"},
  };
  for (const auto& [a, b] : same) EXPECT_EQ(tree_of(a), tree_of(b)) << a << " and " << b;
  const std::pair<const char*, const char*> different[] = {
      {R"(\s+(?!\S))", R"(\s+)"}, {"a|bc", "bc|a"}, {"a+", "a+?"},        {"a+", "a++"},
      {R"(\p{N}+)", R"(\p{N})"},  {"^a", "a"},      {"(?>a+)", "(?:a+)"}, {"(?=a)", "(?<=a)"},
      {R"([\r\n])", R"([rn])"},
  };
  for (const auto& [a, b] : different) EXPECT_NE(tree_of(a), tree_of(b)) << a << " and " << b;
}

TEST(SplitSyntax, HostilePatternsAreRefused) {
  for (const char* pattern :
       {"(",        ")",        "[a",          "[",        "[]",     "a{2,1}",  "*a",
        "(?",       "(?<",      "(?#",         R"(\)",     R"(\p)",  R"(\pL)",  R"(\p{)",
        R"(\p{Lu)", R"((a)\1)", R"(\R)",       R"(\X)",    R"(\K)",  R"(\xFF)", R"(\x{110000})",
        R"(\u12)",  "[b-a]",    R"([a-\d])",   "a{70000}", "(?i:é)", "(?<=a)+", "^*",
        "(?x:a)",   "(?s:a)",   "[[:alpha:]]", "\xFF"}) {
    Result<SplitNode> tree = parse_split_pattern(pattern);
    ASSERT_FALSE(tree) << pattern;
    EXPECT_TRUE(tree.error().message.starts_with("split pattern '")) << tree.error().message;
  }
  EXPECT_FALSE(parse_split_pattern(std::string(60, '(') + std::string(60, ')')));
  EXPECT_FALSE(parse_split_pattern(std::string(60, '[') + "a" + std::string(60, ']')));
  EXPECT_FALSE(parse_split_pattern("a" + std::string(100, '*')));
  std::string many;
  for (int i = 0; i < 300; ++i) append_utf8(many, char32_t(0x4E00 + i));
  EXPECT_FALSE(PreTokenizer::from_steps({{SplitStep::Kind::regex, many}}))
      << "300 kinds of characters";
}

TEST(SplitSyntax, F19PublishedPatternsAreKnown) {
  const Result<Json> vocabulary =
      parse_json(R"({"type": "BPE", "vocab": {"a": 0, "b": 1}, "merges": []})");
  int models = 0;
  for (const std::string& line :
       split(must_read(test_data("published_pre_tokenizers.jsonl")), '\n')) {
    if (line.empty()) continue;
    const Result<Json> row = parse_json(line);
    ASSERT_TRUE(row);
    Json file = Json::object();
    file.set("pre_tokenizer", *row->find("pre_tokenizer"));
    file.set("model", *vocabulary);
    Result<Tokenizer> tokenizer = parse_tokenizer_json(file.dump());
    ASSERT_TRUE(tokenizer) << tokenizer.error().message;
    EXPECT_EQ(tokenizer->pre_tokenizer().name(), row->find("preset")->text()) << line;
    ++models;
  }
  EXPECT_EQ(models, 5);
}

}  // namespace
}  // namespace weir
