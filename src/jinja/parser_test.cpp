#include "jinja/parser.h"

#include <gtest/gtest.h>

#include "jinja/lexer.h"

namespace weir::jinja {
namespace {

std::string error_of(std::string_view source) {
  Result<Template> parsed = parse_template(source);
  return parsed ? "" : parsed.error().message;
}

std::string repeated(std::string_view text, size_t times) {
  std::string all;
  for (size_t i = 0; i < times; ++i) all += text;
  return all;
}

constexpr char kTooDeep[] =
    "line 1: brackets and blocks are nested deeper than 100 levels; simplify the template";

// VULN-17: deep nesting is an error and never more.
TEST(JinjaParser, RefusesDeepNesting) {
  const std::pair<const char*, const char*> kNested[] = {
      {"(", ")"},    {"[", "]"},    {"x[", "]"},      {"f(", ")"},
      {"{1: ", "}"}, {"x|f(", ")"}, {"x is in(", ")"}};
  for (const auto& [open, close] : kNested) {
    for (size_t times : {10, 100, 1000, 80'000}) {
      std::string source = "{{ " + repeated(open, times) + "1" + repeated(close, times) + " }}";
      EXPECT_EQ(error_of(source), times > 100 ? kTooDeep : "") << open << " x " << times;
    }
  }
  EXPECT_EQ(error_of("{{ " + repeated("(", 100'000) + "1" + repeated(")", 100'000) + " }}"),
            kTooDeep);
  EXPECT_EQ(error_of("{{ " + repeated("(", 101) + "1" + repeated(")", 101) + " }}"), kTooDeep);
  for (const char* prefix : {"not ", "-", "+", "1 if x else "})
    EXPECT_EQ(error_of("{{ " + repeated(prefix, 50'000) + "1 }}"), kTooDeep) << prefix;
  EXPECT_EQ(error_of(repeated("{% if x %}", 10'000)), kTooDeep);
  EXPECT_EQ(error_of(repeated("{% for x in y %}", 10'000)), kTooDeep);
  EXPECT_EQ(error_of(repeated("{% macro m() %}", 10'000)), kTooDeep);
  EXPECT_EQ(error_of("{% for " + repeated("(", 10'000) + "x" + repeated(")", 10'000) + " in y %}"),
            kTooDeep);
}

TEST(JinjaParser, TakesLongChains) {
  EXPECT_EQ(error_of("{{ 1" + repeated(" + 1", 50'000) + " }}"), "");
  EXPECT_EQ(error_of("{{ a" + repeated(".b", 50'000) + " }}"), "");
  EXPECT_EQ(error_of("{{ a" + repeated("|f", 50'000) + " }}"), "");
  EXPECT_EQ(error_of("{{ a" + repeated(" or b", 50'000) + " }}"), "");
  EXPECT_EQ(error_of("{{ a" + repeated("()", 50'000) + " }}"), "");
  EXPECT_EQ(error_of("{% if a %}" + repeated("{% elif b %}", 50'000) + "{% endif %}"), "");
}

TEST(JinjaParser, HasLimits) {
  EXPECT_EQ(error_of(std::string(size_t(1) << 20, 'x')), "");
  EXPECT_EQ(error_of(std::string((size_t(1) << 20) + 1, 'x')),
            "line 1: the template has 1.0 MiB, more than 1 MiB; shorten it");
  EXPECT_EQ(error_of("{{ [" + repeated("1,", 260'000) + "] }}"),
            "line 1: the template has more than 500000 tokens; shorten it");
  EXPECT_EQ(error_of("a\xff"),
            "line 1: the template is not UTF-8; convert it, for example with iconv");
}

TEST(JinjaParser, SaysWhatIsWrongAndWhere) {
  const std::pair<const char*, const char*> kWrong[] = {
      {"a\n{{ 1 + }}", "line 2: a value is expected here, not '}}'"},
      {"{% if x %}\n{% else %}\nabc",
       "line 2: the block that begins here is not closed; end it "
       "with '{% endif %}'"},
      {"\n\n{% endfor %}",
       "line 3: there is no tag 'endfor' here; check its spelling and what it closes"},
      {"{% include 'x' %}",
       "line 1: 'include' joins templates, which a chat template may not; "
       "write all of it in one"},
      {"{{ 'abc }}", "line 1: a string is not closed"},
      {"{{ a ", "line 1: a tag is not closed; end it with '%}' or '}}'"},
      {"{# a ", "line 1: the comment is not closed; end it with '#}'"},
      {"{% raw %}", "line 1: 'raw' is not closed; end it with '{% endraw %}'"},
      {"{{ a ? b }}", "line 1: the character '?' has no meaning in a tag"},
      {"{{ (a] }}", "line 1: ']' closes nothing that is open"},
      {"{{ a b }}", "line 1: '}}' is expected here, not 'b'"},
      {"{% set 1 = 2 %}", "line 1: the name of a variable is expected here, not '1'"},
      {"{% set loop = 2 %}", "line 1: 'loop' can not be assigned to"},
      {"{% break %}", "line 1: 'break' stands outside of a loop"},
      {"{% for x in y recursive %}{% endfor %}",
       "line 1: recursive loops are not supported; use a macro that calls itself"},
      {"{{ f(a=1, a=2) }}", "line 1: the argument 'a' is given twice"},
      {"{{ f(a=1, 2) }}",
       "line 1: arguments come in the order: values, name=value, one *list, one **dict"},
      {"{{ a is b is c }}", "line 1: tests can not follow each other; join them with 'and'"},
      {"{{ 99999999999999999999 }}",
       "line 1: '99999999999999999999' is no whole number below 2^64"},
      {"{{ '\\ud800' }}",
       "line 1: '\\u' in a string needs 4 hexadecimal digits that name a character"},
  };
  for (const auto& [source, message] : kWrong) EXPECT_EQ(error_of(source), message) << source;
}

TEST(JinjaParser, CollectsTheVariablesThatAreRead) {
  Template parsed =
      *parse_template("{{ a.b }}{% set c.d = e %}{% for f in g %}{{ x(h=i) }}{% endfor %}");
  EXPECT_EQ(parsed.names, (std::set<std::string, std::less<>>{"a", "c", "e", "g", "i", "x"}));
}

TEST(JinjaLexer, CountsLinesThroughStringsAndComments) {
  std::vector<Token> tokens = *tokenize("a\n{# \n #}\n{{ 'x\ny'\n z }}");
  ASSERT_EQ(tokens.size(), 6u);
  EXPECT_EQ(tokens[1].line, 4);
  EXPECT_EQ(tokens[2].line, 4);
  EXPECT_EQ(tokens[3].text, "z");
  EXPECT_EQ(tokens[3].line, 6);
}

}  // namespace
}  // namespace weir::jinja
