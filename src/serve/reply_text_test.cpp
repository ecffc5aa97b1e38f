// Tokens of a reply, put together by hand, as the parts that leave.
#include "serve/reply_text.h"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include "chat/chat_tools.h"
#include "testing/tiny_models.h"

namespace weir {
namespace {

const Tokenizer& tokenizer() {
  static const Tokenizer made = make_byte_tokenizer(
      {{"<eos>", true}, {"<think>", false}, {"</think>", false}, {"<tool_call>", false}}, "",
      "<eos>");
  return made;
}

int added(const char* text) { return *tokenizer().find_added(text); }

ReplyMarks marks() {
  ReplyMarks marks;
  marks.think = added("<think>"), marks.end_of_thinking = added("</think>");
  marks.ends = {added("<eos>")};
  return marks;
}

// The text with its marks as tokens, ended by the engine.
std::vector<Drawn> drawn_of(const std::string& text, FinishReason reason) {
  std::vector<Drawn> list;
  const auto tokens = tokenizer().encode(text, {.allow_special = true});
  for (const int token : *tokens) {
    Drawn& drawn = list.emplace_back();
    drawn.token.token = token;
    drawn.token.model_log_probability = -float(list.size());
  }
  if (reason == FinishReason::end) list.emplace_back().token.token = added("<eos>");
  list.back().is_last = true;
  list.back().reason = reason;
  return list;
}

struct Outcome {
  ReplyParts all;
  int tokens = 0, thinking_tokens = 0;
};

Outcome run(const ReplyTextOptions& options, const std::string& text,
            FinishReason reason = FinishReason::end) {
  auto reply = ReplyText::create(tokenizer(), options);
  Outcome outcome;
  ReplyParts& all = outcome.all;
  for (const Drawn& drawn : drawn_of(text, reason)) {
    const ReplyParts parts = reply->push(drawn);
    all.thinking += parts.thinking, all.answer += parts.answer;
    for (const TokenScore& score : parts.answer_scores) all.answer_scores.push_back(score);
    for (const TokenScore& score : parts.thinking_scores) all.thinking_scores.push_back(score);
    if (parts.calls.size() > 0) all.calls = parts.calls;
    for (const CallPart& part : parts.call_parts) all.call_parts.push_back(part);
    all.is_last = parts.is_last, all.reason = parts.reason, all.stop = parts.stop;
    all.has_calls = parts.has_calls;
    if (reply->is_finished()) break;
  }
  outcome.tokens = reply->tokens(), outcome.thinking_tokens = reply->thinking_tokens();
  return outcome;
}

TEST(ReplyText, ThinkingIsApartAndCounted) {
  const Outcome o = run({.marks = marks(), .ends = marks().ends, .wants_scores = true},
                        "<think>ab</think>\n\ncde");
  EXPECT_EQ(o.all.thinking, "ab");
  EXPECT_EQ(o.all.answer, "cde");
  EXPECT_EQ(o.tokens, 10);
  EXPECT_EQ(o.thinking_tokens, 4);  // its marks too
  EXPECT_EQ(o.all.thinking_scores.size(), 2u);
  EXPECT_EQ(o.all.answer_scores.size(), 5u);
  EXPECT_TRUE(o.all.is_last);
  EXPECT_EQ(o.all.reason, FinishReason::end);
}

TEST(ReplyText, StopStringsLookAtTheAnswerAlone) {
  const ReplyTextOptions options{.marks = marks(), .ends = marks().ends, .stops = {"x"}};
  const Outcome o = run(options, "<think>axb</think>cdxef");
  EXPECT_EQ(o.all.thinking, "axb");
  EXPECT_EQ(o.all.answer, "cd");
  EXPECT_EQ(o.all.reason, FinishReason::stop);
  EXPECT_EQ(o.all.stop, "x");
  EXPECT_EQ(o.tokens, 8);
}

TEST(ReplyText, TextKeepsItsBlanksAndACutCharacterIsReplaced) {
  const Outcome o = run({}, "  a \xe4\xbd", FinishReason::length);
  EXPECT_EQ(o.all.answer, "  a \xef\xbf\xbd");
  EXPECT_EQ(o.all.reason, FinishReason::length);
}

TEST(ReplyText, LinesAndTimeEndAnAnswer) {
  const std::string text = "a;\n  b;\nc;\n";
  const Outcome indented = run({.lines = {.indent = 2}}, text);
  EXPECT_EQ(indented.all.answer, "a;\n  b;");
  EXPECT_EQ(indented.all.reason, FinishReason::length);
  EXPECT_EQ(run({.lines = {.lines = 1}}, text).all.answer, "a;");
  EXPECT_EQ(run({.stops = {";\nc"}, .lines = {.indent = 2}}, text).all.answer, "a;\n  b");
  // Late, it ends where a line has.
  auto reply = ReplyText::create(tokenizer(), {});
  std::string answer;
  for (const Drawn& drawn : drawn_of(text, FinishReason::end)) {
    answer += reply->push(drawn, true).answer;
    if (reply->is_finished()) break;
  }
  EXPECT_EQ(answer, "a;\n");
}

TEST(ReplyText, CallsComeWholeAndWhatIsNoneStaysText) {
  const auto tools = check_tools(*parse_json(R"([{"name": "f"}])"));
  ReplyTextOptions options{.marks = marks(), .ends = marks().ends, .tools = *tools};
  options.marks->calls = {added("<tool_call>")};
  const Outcome call =
      run(options, "So: <tool_call>{\"name\": \"f\", \"arguments\": {\"a\": 1}}</tool_call>");
  EXPECT_EQ(call.all.answer, "So:");
  ASSERT_EQ(call.all.calls.size(), 1u);
  EXPECT_EQ(call.all.calls.items()[0].find("function")->find("arguments")->dump(), R"({"a":1})");
  const Outcome broken = run(options, "<tool_call>{\"name\": \"f\", oops");
  EXPECT_EQ(broken.all.calls.size(), 0u);
  EXPECT_EQ(broken.all.answer, "<tool_call>{\"name\": \"f\", oops");
  const Outcome bare = run(options, R"({"name": "f", "arguments": {}})");
  EXPECT_EQ(bare.all.answer, "");
  EXPECT_EQ(bare.all.calls.size(), 1u);
  EXPECT_EQ(run(options, R"({"not": "a call"})").all.answer, R"({"not": "a call"})");
}

// A name once, then the arguments as the tokens bring them; calls are counted.
TEST(ReplyText, CallsOfAStreamComeInParts) {
  const auto tools = check_tools(*parse_json(R"([{"name": "f"}, {"name": "g"}])"));
  ReplyTextOptions options{.marks = marks(), .ends = marks().ends, .tools = *tools};
  options.marks->calls = {added("<tool_call>")};
  options.whole_calls = false;
  const std::string two =
      "So: <tool_call>{\"name\": \"f\", \"arguments\": {\"a\": 1}}</tool_call>\n"
      "<tool_call>{\"name\": \"g\", \"arguments\": {}}</tool_call>";
  const Outcome o = run(options, two);
  std::string shown;
  for (const CallPart& part : o.all.call_parts)
    shown += part.name.empty() ? part.arguments
                               : fmt::format(" {}{}{}", part.index, part.name, part.arguments);
  EXPECT_EQ(o.all.answer + shown, "So: 0f{\"a\": 1} 1g{}");
  EXPECT_GT(o.all.call_parts.size(), 8u);
  EXPECT_TRUE(o.all.has_calls);
  options.single_call = true;
  const Outcome single = run(options, two);
  EXPECT_EQ(single.all.call_parts.back().index, 0);
  EXPECT_LT(single.tokens, o.tokens);
  EXPECT_TRUE(single.all.is_last);
}

}  // namespace
}  // namespace weir
