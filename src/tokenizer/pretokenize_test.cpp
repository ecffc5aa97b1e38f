#include "tokenizer/pretokenize.h"

#include <gtest/gtest.h>

#include "base/json.h"
#include "base/random.h"
#include "base/text.h"
#include "testing/tokenizer_data.h"
#include "testing/work_fixture.h"

namespace weir {
namespace {

std::string unescape(std::string_view text) {
  std::string out;
  for (size_t i = 0; i < text.size(); ++i) {
    if (text[i] != '\\') {
      out += text[i];
      continue;
    }
    char kind = text[++i];
    if (kind == 'u') {
      size_t end = text.find('}', i);
      append_utf8(out,
                  char32_t(std::stoul(std::string(text.substr(i + 2, end - i - 2)), nullptr, 16)));
      i = end;
    } else {
      out += kind == 'n' ? '\n' : kind == 'r' ? '\r' : kind == 't' ? '\t' : kind;
    }
  }
  return out;
}

std::vector<std::string> split_with(const PreTokenizer& pre_tokenizer, std::string_view text) {
  SplitScratch scratch;
  Result<void> done = pre_tokenizer.split(text, scratch);
  EXPECT_TRUE(done) << done.error().message;
  return {scratch.pieces.begin(), scratch.pieces.end()};
}

PreTokenizer preset(const std::string& name) {
  Result<PreTokenizer> made = PreTokenizer::preset(name);
  EXPECT_TRUE(made) << made.error().message;
  return *std::move(made);
}

TEST(PreTokenizer, SplitsAsPythonsRegexModuleDoes) {
  int cases = 0;
  for (const std::string& line : split(must_read(test_data("split_golden.txt")), '\n')) {
    if (line.empty() || line[0] == '#') continue;
    size_t tab = line.find('\t');
    ASSERT_NE(tab, line.npos);
    std::vector<std::string> expected;
    std::string text, rest = line.substr(tab + 1) + "\u00A6";
    for (size_t at; (at = rest.find("\u00A6")) != rest.npos; rest = rest.substr(at + 2)) {
      expected.push_back(unescape(rest.substr(0, at)));
      text += expected.back();
    }
    EXPECT_EQ(split_with(preset(line.substr(0, tab)), text), expected) << line;
    ++cases;
  }
  EXPECT_EQ(cases, 240);
}

TEST(PreTokenizer, F18CharactersOfUnicode16AreCutAsPythonsTokenizersDo) {
  int cases = 0;
  for (const std::string& line : split(must_read(test_data("new_characters.golden.jsonl")), '\n')) {
    if (line.empty()) continue;
    const Result<Json> row = parse_json(line);
    ASSERT_TRUE(row);
    std::vector<std::string> expected;
    for (const Json& piece : row->find("pieces")->items()) expected.push_back(piece.text());
    EXPECT_EQ(split_with(preset(row->find("preset")->text()), row->find("text")->text()), expected)
        << line;
    ++cases;
  }
  EXPECT_EQ(cases, 96);
}

TEST(PreTokenizer, IsolatedDigitsComeOneByOne) {
  Result<PreTokenizer> made = PreTokenizer::preset("deepseek-v3", true);
  ASSERT_TRUE(made);
  std::vector<std::string> expected = {"a", " ", "1", "2", "3", "4"};
  EXPECT_EQ(split_with(*made, "a 1234"), expected);
  EXPECT_EQ(made->name(), "deepseek-v3");
}

std::string random_text(uint64_t seed, int characters) {
  // Characters near the borders of the patterns' classes, many spaces and line ends.
  const std::u32string alphabet =
      U"abcXYZ'sStTmM  \n\n\r\t019.,;:!?-_(){}\u00E9\u00DF\u0301\u00A0\u3000\u2028\u0085\u180E"
      U"\u4E00\u9FA5\u3042\u30AB\uAC00\uD55C\uFF01\uFF11\u0661\u2167\u00B2$\u20AC\U0001F600\u200B";
  Random random(seed, 0);
  std::string text;
  for (int i = 0; i < characters; ++i) append_utf8(text, alphabet[random.below(alphabet.size())]);
  return text;
}

TEST(PreTokenizer, PiecesJoinedAreTheText) {
  for (const std::string& name : PreTokenizer::preset_names()) {
    PreTokenizer pre_tokenizer = preset(name);
    for (uint64_t seed = 0; seed < 50; ++seed) {
      std::string text = random_text(seed, 400), joined;
      for (const std::string& piece : split_with(pre_tokenizer, text)) {
        EXPECT_FALSE(piece.empty());
        joined += piece;
      }
      EXPECT_EQ(joined, text) << name;
    }
  }
}

TEST(PreTokenizer, SafeCutsChangeNothing) {
  for (const std::string& name : PreTokenizer::preset_names()) {
    PreTokenizer pre_tokenizer = preset(name);
    int cuts = 0;
    for (uint64_t seed = 0; seed < 200; ++seed) {
      std::string text = random_text(seed, 600);
      std::vector<std::string> parts;
      for (std::string_view rest = text; !rest.empty();) {
        size_t cut = pre_tokenizer.safe_cut(rest, 1);
        ASSERT_GT(cut, 0u);
        cuts += cut < rest.size();
        for (std::string& piece : split_with(pre_tokenizer, rest.substr(0, cut))) {
          parts.push_back(std::move(piece));
        }
        rest.remove_prefix(cut);
      }
      ASSERT_EQ(parts, split_with(pre_tokenizer, text)) << name << " " << seed;
    }
    if (name != "none") {
      EXPECT_GT(cuts, 500) << name;
    }
  }
}

TEST(PreTokenizer, TrailingSpaceByHandEqualsThePattern) {
  // The same pattern in a form that is not recognised runs in PCRE2.
  Result<PreTokenizer> by_hand = PreTokenizer::from_steps({{SplitStep::Kind::regex, R"(\s+$)"}});
  Result<PreTokenizer> by_engine =
      PreTokenizer::from_steps({{SplitStep::Kind::regex, R"(\s+$|\s+$)"}});
  ASSERT_TRUE(by_hand && by_engine);
  for (uint64_t seed = 0; seed < 500; ++seed) {
    std::string text = random_text(seed, 30);
    ASSERT_EQ(split_with(*by_hand, text), split_with(*by_engine, text));
  }
}

// F32: the work of two lengths is compared, whatever else the machine does.
TEST(PreTokenizer, LongRunsTakeLinearTime) {
  for (const std::string& name : PreTokenizer::preset_names()) {
    PreTokenizer pre_tokenizer = preset(name);
    for (std::string unit : {"a", " ", "\n", "1", "!", "'", " \n", "a ", "\u4F60", "\u0301"}) {
      for (const char* end : {"5", "x"}) {
        SCOPED_TRACE(name + ": '" + unit + "' and " + end);
        expect_linear_work(1 << 13, [&](size_t length) {
          std::string text;
          while (text.size() < length) text += unit;
          split_with(pre_tokenizer, text + end);
        });
      }
    }
  }
}

TEST(PreTokenizer, SpaceIsUnicodesWhiteSpace) {
  Result<PreTokenizer> made = PreTokenizer::from_steps({{SplitStep::Kind::regex, R"(\s+)"}});
  ASSERT_TRUE(made);
  std::vector<std::string> expected = {"a", "\u0085\u00A0\u3000", "b\u180Ec"};
  EXPECT_EQ(split_with(*made,
                       "a\u0085\u00A0\u3000"
                       "b\u180Ec"),
            expected);
}

TEST(PreTokenizer, LiteralsAreNotPatterns) {
  Result<PreTokenizer> made = PreTokenizer::from_steps({{SplitStep::Kind::literal, "a.b"}});
  ASSERT_TRUE(made);
  std::vector<std::string> expected = {"axb", "a.b", "a.b", "c"};
  EXPECT_EQ(split_with(*made, "axba.ba.bc"), expected);
}

TEST(PreTokenizer, EmptyMatchesCut) {
  Result<PreTokenizer> made = PreTokenizer::from_steps({{SplitStep::Kind::regex, R"((?=X)|1*)"}});
  ASSERT_TRUE(made);
  std::string joined;
  for (const std::string& piece : split_with(*made,
                                             "aX\u4F60"
                                             "11b"))
    joined += piece + "|";
  EXPECT_EQ(joined, "a|X|\u4F60|11|b|");
}

TEST(PreTokenizer, RefusesWhatItCannotRun) {
  for (const char* pattern : {"(", "[a", "a{2,1}", R"(\h+)", "(?m:.)", "(*ACCEPT)",
                              R"(\p{N}{1,3}+)", R"(\p{Nonsense})", ""}) {
    Result<PreTokenizer> made = PreTokenizer::from_steps({{SplitStep::Kind::regex, pattern}});
    ASSERT_FALSE(made) << pattern;
    EXPECT_NE(made.error().message.find("split pattern"), std::string::npos);
  }
  EXPECT_FALSE(PreTokenizer::preset("gpt-9"));
  EXPECT_FALSE(PreTokenizer::from_steps(std::vector<SplitStep>(65, {SplitStep::Kind::regex, "a"})));
  EXPECT_FALSE(
      PreTokenizer::from_steps({{SplitStep::Kind::regex, std::string((64 << 10) + 1, 'a')}}));
}

TEST(PreTokenizer, ExplodingPatternsGiveUp) {
  Result<PreTokenizer> made = PreTokenizer::from_steps({{SplitStep::Kind::regex, "(a+)+[bc]"}});
  ASSERT_TRUE(made);
  SplitScratch scratch;
  Result<void> done = made->split(std::string(4000, 'a') + "!b", scratch);
  ASSERT_FALSE(done);
  EXPECT_NE(done.error().message.find("gave up"), std::string::npos);
}

}  // namespace
}  // namespace weir
