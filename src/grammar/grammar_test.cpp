// GBNF and regular expressions: accepted and rejected texts, and errors.
#include <gtest/gtest.h>

#include "testing/grammar_support.h"

namespace weir {
namespace {

struct Row {
  const char* text;
  std::vector<std::string> accepted, rejected;
};

void check(OutputKind kind, const std::vector<Row>& rows) {
  for (const Row& row : rows) {
    FormJudge judge(kind, row.text);
    EXPECT_EQ(judge.error, "") << row.text;
    for (const std::string& text : row.accepted)
      EXPECT_TRUE(judge.accepts(text)) << row.text << " should have " << text;
    for (const std::string& text : row.rejected)
      EXPECT_FALSE(judge.accepts(text)) << row.text << " should not have " << text;
  }
}

void check_errors(OutputKind kind, const std::vector<std::pair<std::string, std::string>>& rows) {
  for (const auto& [text, message] : rows) {
    const FormJudge judge(kind, text);
    EXPECT_NE(judge.error.find(message), std::string::npos)
        << text << " gives: " << judge.error << ", not: " << message;
  }
}

TEST(Gbnf, HasTheTextsOfItsRules) {
  check(OutputKind::gbnf,
        {{"root ::= \"yes\"\n  | \"no\"\nx ::= root", {"yes", "no"}, {"", "ye", "yesno"}},
         {"root ::= [a-c]+ # letters\n", {"a", "abcab"}, {"", "d", "a d"}},
         {"root ::= [^\"\\n]{2,3}", {"ab", "äö", "日本語"}, {"a", "abcd", "a\n", "a\""}},
         {"root ::= (\"a\" | \"b\")* \"c\"?", {"", "ab", "c", "bbac"}, {"cc", "ca"}},
         {"root ::= x x\nx ::= \"(\" x* \")\"", {"()()", "(())()", "((()()))()"}, {"()", "(()"}},
         {"root ::= expr\nexpr ::= term (\"+\" term)*\nterm ::= [0-9]+ |\n  \"(\" expr \")\"",
          {"1", "1+2", "(1+(2+3))+4"},
          {"", "1+", "(1", "()"}},
         {"root ::= \"\\x41\\u00e4\\U0001F600\\t\"", {"Aä😀\t"}, {"A"}},
         {"root ::= . .", {"ab", "ä😀", "\n\n"}, {"a", "\xff\xff"}},
         {"root ::= \"ab\"{3}", {"ababab"}, {"abbb", "abab"}},
         {"root ::= [0-9]{100,1000}",
          {std::string(100, '1'), std::string(1000, '7')},
          {std::string(99, '1'), std::string(1001, '1')}},
         {"root ::= a{2,}\na ::= \"x\" | \"\"", {"", "x", "xxxxx"}, {"y"}},
         {"root ::= (\"a\"?){60}", {"", std::string(60, 'a')}, {std::string(61, 'a')}},
         {"root ::= [\\]\\-a]", {"]", "-", "a"}, {"b"}}});
}

TEST(Gbnf, SaysWhatIsWrongAndWhere) {
  check_errors(OutputKind::gbnf,
               {{"", "no rule 'root'"},
                {"root ::= x", "rule 'x' is used and not defined"},
                {"root ::= \"a\"\nroot ::= \"b\"", "line 2: rule 'root' is defined twice"},
                {"root ::= \"a", "is not closed by '\"'"},
                {"root ::= [a", "is not closed by ']'"},
                {"root ::= (\"a\"", "is not closed by ')'"},
                {"root = \"a\"", "'::=' is expected"},
                {"root ::= \"a\"{3,2}", "needs m <= n"},
                {"root ::= \"a\"{9999999}", "at most 1000000"},
                {"root ::= \"\\q\"", "no escape"},
                {"root ::= root \"a\" | \"b\"", "begins with itself"},
                {"root ::= a root \"b\" | \"b\"\na ::= \"x\"*", "begins with itself"},
                {"root ::= \"a\" root", "can match nothing"},
                {"root ::= []", "can match nothing"},
                {"root ::= <[7]>", "tokens such as"},
                {"root ::= \"a\" }", "unexpected '}'"},
                {std::string("root ::= ") + std::string(200, '(') + "\"a\"", "100 deep"},
                {"root ::= ([ab]* \"a\" [ab]{20})", "20000 states"}});
}

TEST(RegularExpression, MatchesWhatEcmaScriptDoes) {
  check(OutputKind::regular_expression,
        {{"a|bc?", {"a", "b", "bc"}, {"", "ac", "abc"}},
         {"^\\d{3}-\\d{4}$", {"555-1234"}, {"555-123", "55-12345", "٣33-1234"}},
         {"(?:ab)+?", {"ab", "abab"}, {"", "aba"}},
         {"(?<year>[12]\\d{3})", {"1999"}, {"3999"}},
         {"[^a-c\\d]", {"d", "ä", "\n"}, {"a", "5", ""}},
         {".", {"a", "😀"}, {"\n", "\r", "\xe2\x80\xa8"}},
         {"[\\w.-]+@\\w+\\.com", {"a.b-c@d.com"}, {"@d.com", "a@d.org"}},
         {"\\x41\\u0042\\u{1F600}\\ud83d\\ude00", {"AB😀😀"}, {"AB"}},
         {"\\p{Lu}\\p{Script=Han}*", {"Ä", "A日本"}, {"a", "日"}},
         {"\\s\\S", {" a", "\xc2\xa0x"}, {"aa", "  "}},
         {"", {""}, {"a"}},
         {"(|a)b", {"b", "ab"}, {"a"}},
         {"\\$\\^\\{\\}", {"$^{}"}, {""}},
         {"(a{2}){3,}", {"aaaaaa", "aaaaaaaa"}, {"aaaa", "aaaaaaa"}}});
}

TEST(RegularExpression, RefusesByName) {
  check_errors(OutputKind::regular_expression, {{"(a)\\1", "backreferences"},
                                                {"(?P=x)", "backreferences"},
                                                {"a(?=b)", "lookaheads"},
                                                {"(?<!a)b", "lookbehinds"},
                                                {"\\bword", "word boundaries"},
                                                {"a++", "possessive"},
                                                {"(?>a)", "atomic"},
                                                {"(?i)a", "flags"},
                                                {"a(b", "is not closed by ')'"},
                                                {"a)b", "closes no group"},
                                                {"[a", "is not closed by ']'"},
                                                {"*a", "follows nothing"},
                                                {"a**", "two quantifiers"},
                                                {"a{,2}", "{m,n}"},
                                                {"a$b", "end of an alternative"},
                                                {"(^a)", "outermost"},
                                                {"[z-a]", "in order"},
                                                {"\\q", "no escape"},
                                                {"\\p{Foo}", "no category"},
                                                {"[[:alpha:]]", "POSIX"},
                                                {"a{3,2}", "m <= n"}});
}

TEST(JsonObject, IsAnyObject) {
  FormJudge judge(OutputKind::json_object, "");
  for (const char* text :
       {"{}", R"({"a": 1})", R"({"a":{"b":[1,2,{"c":null}]},"d":"x\n\u00e4\ud83d\ude00"})",
        "{\n  \"a\": [\n    true,\n    -1.5e+10\n  ]\n}", R"({"": [[], {}]})"})
    EXPECT_TRUE(judge.accepts(text)) << text;
  for (const char* text : {"", "[]", "1", R"({"a"})", R"({"a":01})", R"({"a":1,})", R"({a:1})",
                           "{\"a\":\"\n\"}", R"({"a":"\ud83d"})", " {}", "{} ", R"({"a":.5})"})
    EXPECT_FALSE(judge.accepts(text)) << text;
  std::string deep = "{\"a\":";
  for (int i = 0; i < 5000; ++i) deep += "[";
  EXPECT_TRUE(judge.begins(deep));
  for (int i = 0; i < 5000; ++i) deep += "]";
  EXPECT_TRUE(judge.accepts(deep + "}"));
}

}  // namespace
}  // namespace weir
