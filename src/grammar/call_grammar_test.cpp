// Replies with calls: what the grammars of every form have, with their arguments' schemas, and
// that marks of the vocabulary are demanded as tokens.
#include "grammar/call_grammar.h"

#include <gtest/gtest.h>

#include "testing/grammar_support.h"

namespace weir {
namespace {

constexpr const char* kSchema = R"({"type": "object", "properties": {
    "city": {"type": "string", "maxLength": 8}, "unit": {"enum": ["C", "F"]},
    "days": {"type": "integer", "minimum": 1, "maximum": 7},
    "note": {"anyOf": [{"type": "string"}, {"type": "null"}]}},
    "required": ["city", "days"], "additionalProperties": false})";

CallOutput calls_of(CallSpelling spelling, bool is_forced = true, bool is_single = false) {
  CallOutput calls;
  calls.rules.spelling = std::move(spelling);
  calls.rules.functions = {{"weather", *parse_json(kSchema), true}, {"now", Json(), false}};
  calls.rules.is_forced = is_forced;
  calls.rules.is_single = is_single;
  return calls;
}

struct Judge {
  explicit Judge(CallOutput calls)
      : automaton(*compile(form_of_calls(std::move(calls)))), stacks(automaton) {}
  bool accepts(std::string_view text) {
    return stacks.is_complete(stacks.next(stacks.begin(), text));
  }
  PushdownAutomaton automaton;
  StackSets stacks;
};

constexpr const char* kHermes =
    "<tool_call>\n{\"name\": \"weather\", \"arguments\": {\"city\": \"Oslo\", \"days\": 3}}\n"
    "</tool_call>";
constexpr const char* kNow =
    "<tool_call>\n{\"name\": \"now\", \"arguments\": {\"any\": [1]}}\n</tool_call>";

TEST(CallGrammar, HasCallsInEveryForm) {
  struct Row {
    CallSpelling spelling;
    std::vector<std::string> accepted, rejected;
  };
  const std::string hermes = kHermes, now = kNow;
  const std::string r1 =
      "<｜tool▁calls▁begin｜><｜tool▁call▁begin｜>function<｜tool▁sep｜>weather\n```json\n{"
      "\"city\": "
      "\"Oslo\",\"days\":3}\n```<｜tool▁call▁end｜><｜tool▁calls▁end｜>";
  const std::string v31 =
      "<｜tool▁calls▁begin｜><｜tool▁call▁begin｜>weather<｜tool▁sep｜>{\"city\": \"Oslo\", "
      "\"days\": 3}<｜tool▁call▁end｜><｜tool▁call▁begin｜>now<｜tool▁sep｜>{}<｜tool▁call▁end｜>"
      "<｜tool▁calls▁end｜>";
  const auto v4 = [](const std::string& parameters) {
    return "\n\n<｜DSML｜tool_calls>\n<｜DSML｜invoke name=\"weather\">\n" + parameters +
           "</｜DSML｜invoke>\n</｜DSML｜tool_calls>";
  };
  const auto element = [](const char* name, bool is_string, const std::string& value) {
    return std::string("<｜DSML｜parameter name=\"") + name + "\" string=\"" +
           (is_string ? "true" : "false") + "\">" + value + "</｜DSML｜parameter>\n";
  };
  const std::string city = element("city", true, "Os\"lo"), days = element("days", false, "3");
  const Row rows[] = {
      {CallSpelling::hermes(),
       {hermes, hermes + "\n" + now, "\n" + now},
       {"", "text", "Hm " + hermes, hermes + now, hermes + "!",
        "<tool_call>\n{\"name\": \"weather\", \"arguments\": {\"city\": \"Oslo\"}}\n</tool_call>",
        "<tool_call>\n{\"name\": \"other\", \"arguments\": {}}\n</tool_call>"}},
      {CallSpelling::deepseek_fenced(), {r1}, {hermes}},
      {CallSpelling::deepseek(), {v31}, {r1}},
      {CallSpelling::llama(),
       {"{\"name\": \"weather\", \"parameters\": {\"city\": \"Oslo\", \"days\": 7}}"},
       {"{\"name\": \"weather\", \"parameters\": {\"city\": \"Oslo\", \"days\": 8}}"}},
      {CallSpelling::deepseek_elements("tool_calls"),
       {v4(city + days), v4(city + element("unit", true, "C") + days),
        v4(city + days + element("note", true, "null")),
        v4(city + days + element("note", false, "null"))},
       {v4(city), v4(days + city), v4(city + element("days", true, "3")),
        v4(city + element("days", false, "8")), v4(element("city", true, "far too long") + days),
        v4(city + element("unit", true, "\"C\"") + days),
        v4(city + days + element("note", true, "a</｜DSML｜b"))}},
      {CallSpelling::deepseek_elements("calls"),
       {"<｜DSML｜ calls>\n<｜DSML｜ invoke name=\"now\">\n<｜DSML｜ parameter name=\"x\" "
        "string=\"false\">[1]</｜DSML｜ parameter>\n</｜DSML｜ invoke>\n</｜DSML｜ calls>"},
       {v4(city + days)}}};
  for (const Row& row : rows) {
    Judge judge(calls_of(row.spelling));
    for (const std::string& text : row.accepted) EXPECT_TRUE(judge.accepts(text)) << text;
    for (const std::string& text : row.rejected) EXPECT_FALSE(judge.accepts(text)) << text;
  }
}

TEST(CallGrammar, WhatIsNotForcedMayBeText) {
  const std::string hermes = kHermes, now = kNow;
  Judge judge(calls_of(CallSpelling::hermes(), false, true));
  for (const std::string& text :
       {std::string(), std::string("a < b <tool"), "I look.\n" + hermes, now})
    EXPECT_TRUE(judge.accepts(text)) << text;
  for (const std::string& text :
       {hermes + "\n" + now, "<tool_call> " + hermes, hermes + " Done.",
        std::string("<tool_call>\n{\"name\": \"weather\", \"arguments\": {}}\n</tool_call>")})
    EXPECT_FALSE(judge.accepts(text)) << text;
  Judge llama(calls_of(CallSpelling::llama(), false));
  EXPECT_TRUE(llama.accepts("{\"name\": 3}"));
  EXPECT_TRUE(llama.accepts("{\"name\": \"now\", \"parameters\": {}}"));
  EXPECT_FALSE(llama.accepts("{\"name\": \"other\", \"parameters\": {}}"));
  CallOutput with_form = calls_of(CallSpelling::hermes(), false);
  with_form.other = OutputForm{OutputKind::regular_expression, "yes|no"};
  Judge either(std::move(with_form));
  EXPECT_TRUE(either.accepts("yes"));
  EXPECT_TRUE(either.accepts(hermes));
  EXPECT_FALSE(either.accepts("yes\n" + hermes));
  EXPECT_FALSE(either.accepts("maybe"));
}

TEST(CallGrammar, SchemasThatItCanNotExpressAreErrorsOfStrictToolsAlone) {
  CallOutput calls = calls_of(CallSpelling::hermes());
  calls.rules.functions = {{"f", *parse_json(R"({"type": "object", "not": {}})"), true}};
  const auto refused = compile(form_of_calls(calls));
  ASSERT_FALSE(refused);
  EXPECT_NE(refused.error().message.find("tool 'f'"), std::string::npos) << refused.error().message;
  EXPECT_NE(refused.error().message.find("'not'"), std::string::npos) << refused.error().message;
  calls.rules.functions[0].is_strict = false;
  Judge judge(calls);
  EXPECT_TRUE(
      judge.accepts("<tool_call>\n{\"name\": \"f\", \"arguments\": {\"a\": 1}}\n</tool_call>"));
}

TEST(CallGrammar, MarksOfTheVocabularyAreTokens) {
  TokenizerSpec spec;
  for (int b = 0; b < 256; ++b) spec.tokens.push_back(bytes_to_characters(std::string(1, char(b))));
  const int call = int(spec.tokens.size()), end_call = call + 1, end = call + 2;
  spec.added = {{call, "<tool_call>", false, false},
                {end_call, "</tool_call>", true, false},
                {end, "<end>", true, false}};
  for (const auto& token : spec.added) spec.tokens.push_back(token.text);
  spec.eos = end;
  const Tokenizer tokenizer = *Tokenizer::create(std::move(spec));
  const auto vocabulary = *TokenVocabulary::create(tokenizer, {end});
  const auto grammar = *compile(form_of_calls(calls_of(CallSpelling::hermes())), vocabulary);
  const auto allowed = [&](const std::vector<int>& tokens) {
    std::vector<uint8_t> forbidden(size_t(vocabulary->size()));
    (void)grammar->forbid({}, tokens, tokens.size(), forbidden);
    std::vector<int> ids;
    for (int id = 0; id < vocabulary->size(); ++id)
      if (!forbidden[size_t(id)]) ids.push_back(id);
    return ids;
  };
  EXPECT_EQ(allowed({}), (std::vector<int>{'\n', ' ', call}));
  std::vector<int> tokens = {call};
  for (const char c : std::string("\n{\"name\": \"now\", \"arguments\": {}}\n"))
    tokens.push_back(c);
  EXPECT_EQ(allowed(tokens), std::vector<int>{end_call});
  tokens.push_back(end_call);
  EXPECT_EQ(allowed(tokens), (std::vector<int>{'\n', end}));
  tokens = {'x'};
  EXPECT_EQ(allowed(tokens), std::vector<int>{});
  // In free text the mark is the one way to begin a call.
  const auto free = *compile(form_of_calls(calls_of(CallSpelling::hermes(), false)), vocabulary);
  EXPECT_TRUE(free->begins("<tool_cal"));
  EXPECT_FALSE(free->begins("<tool_call>"));
}

}  // namespace
}  // namespace weir
