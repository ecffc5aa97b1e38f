// Calls in replies of the published forms, cut at every place; and what is none.
#include "chat/call_parser.h"

#include <gtest/gtest.h>

#include "base/random.h"
#include "chat/chat_tools.h"

namespace weir {
namespace {

using Handing = CallParser::Handing;

const Json& call_tools() {
  static const Json made = *check_tools(*parse_json(R"([{"name": "f"}, {"name": "g"}])"));
  return made;
}

// "text|name(arguments)|...": calls that are whole with a closing bracket.
std::string joined_events(const std::vector<std::string>& pieces, Handing handing) {
  CallParser parser(call_tools(), handing);
  std::vector<CallEvent> events, all;
  const auto keep = [&] {
    for (CallEvent& event : events) all.push_back(std::move(event));
    events.clear();
  };
  for (const std::string& piece : pieces) parser.push(piece, events), keep();
  parser.finish(events), keep();
  std::string text, calls, arguments;
  for (const CallEvent& event : all) {
    if (event.kind == CallEvent::Kind::text) text += event.text;
    if (event.kind == CallEvent::Kind::begin) calls += "|" + event.text + "(";
    if (event.kind == CallEvent::Kind::begin) arguments.clear();
    if (event.kind == CallEvent::Kind::arguments) calls += event.text, arguments += event.text;
    if (event.kind != CallEvent::Kind::end) continue;
    calls += ")";
    EXPECT_EQ(event.text, arguments);
  }
  return text + calls;
}

struct ReplyRow {
  const char *reply, *whole;
  const char* at_once = nullptr;  // if it differs
};

const ReplyRow kReplyRows[] = {
    // Qwen2.5 and Hermes
    {"So:\n<tool_call>\n{\"name\": \"f\", \"arguments\": {\"a\": [1, \"x\\n{\"]}}\n</tool_call>",
     "So:|f({\"a\": [1, \"x\\n{\"]})"},
    {"<tool_call>{\"name\":\"f\",\"arguments\":{}}</tool_call>\n<tool_call>\n{\"name\": \"h\", "
     "\"arguments\": {\"b\": null}}\n</tool_call>",
     "|f({})|h({\"b\": null})"},
    {"<tool_call>{\"arguments\": {\"a\": 1}, \"name\": \"f\"}</tool_call>", "|f({\"a\":1})"},
    {"<tool_call>\n{\"name\": \"f\", \"id\": 3, \"arguments\": {\"a\": 1}}\n</tool_call> Done.",
     "Done.|f({\"a\":1})"},
    {"<tool_call>{\"name\": \"f\", \"arguments\": {\"a\": \"two\nlines\"}}</tool_call>",
     "|f({\"a\": \"two\\nlines\"})"},
    // DeepSeek-V3 and R1, V3.1
    {"<｜tool▁calls▁begin｜><｜tool▁call▁begin｜>function<｜tool▁sep｜>f\n```json\n{\"a\": "
     "1}\n```<｜tool▁call▁end｜>\n<｜tool▁call▁begin｜>function<｜tool▁sep｜>g\n```json\n{}\n```"
     "<｜tool▁call▁end｜><｜tool▁calls▁end｜>",
     "|f({\"a\": 1})|g({})"},
    {"Hm.<｜tool▁calls▁begin｜><｜tool▁call▁begin｜>f<｜tool▁sep｜>{\"a\": 1}<｜tool▁call▁end｜>"
     "<｜tool▁call▁begin｜>g<｜tool▁sep｜>{}<｜tool▁call▁end｜><｜tool▁calls▁end｜>",
     "Hm.|f({\"a\": 1})|g({})"},
    // DeepSeek-V3.2, V4, V4.1
    {"I see.\n\n<｜DSML｜function_calls>\n<｜DSML｜invoke name=\"f\">\n<｜DSML｜parameter "
     "name=\"x\" string=\"true\">a \"b\"\n<c></｜DSML｜parameter>\n<｜DSML｜parameter name=\"n\" "
     "string=\"false\">2</｜DSML｜parameter>\n</｜DSML｜invoke>\n<｜DSML｜invoke name=\"g\">\n"
     "</｜DSML｜invoke>\n</｜DSML｜function_calls>",
     "I see.|f({\"x\": \"a \\\"b\\\"\\n<c>\", \"n\": 2})|g({})"},
    {"<｜DSML｜tool_calls>\n<｜DSML｜invoke name=\"f\">\n<｜DSML｜parameter name=\"l\" "
     "string=\"false\">[1, {\"q\": 01}]</｜DSML｜parameter>\n</｜DSML｜invoke>\n"
     "</｜DSML｜tool_calls>",
     "|f({\"l\": \"[1, {\\\"q\\\": 01}]\"})"},
    {"<｜DSML｜ calls>\n<｜DSML｜ invoke name=\"f\">\n<｜DSML｜ parameter name=\"x\" "
     "string=\"true\"></｜DSML｜ parameter>\n</｜DSML｜ invoke>\n<｜DSML｜ invoke name=\"g\">\n\n"
     "</｜DSML｜ invoke>\n</｜DSML｜ calls>",
     "|f({\"x\": \"\"})|g({})"},
    // Llama 3
    {"{\"name\": \"f\", \"parameters\": {\"a\": \"b\"}}", "|f({\"a\": \"b\"})"},
    {"{\"type\": \"function\", \"name\": \"f\", \"parameters\": {\"a\": \"b\"}}",
     "|f({\"a\":\"b\"})"},
    {"```json\n{\"name\": \"g\", \"arguments\": {}}\n```", "|g({})"},
    {"{\"name\": \"f\", \"arguments\": {}}\n{\"name\": \"g\", \"arguments\": {}}", "|f({})|g({})"},
    // No calls.
    {"", ""},
    {"1 < 2 and <tool", "1 < 2 and <tool"},
    {"{\"name\": \"other\", \"parameters\": {}}", "{\"name\": \"other\", \"parameters\": {}}"},
    {"{\"answer\": {\"name\": \"f\"}}", "{\"answer\": {\"name\": \"f\"}}"},
    {"```json\n{\"a\": 1}\n```", "```json\n{\"a\": 1}\n```"},
    {"Say {\"name\": \"f\", \"parameters\": {}}", "Say {\"name\": \"f\", \"parameters\": {}}"},
    {"So: <tool_call>{broken</tool_call>", "So: <tool_call>{broken</tool_call>"},
    {"<tool_call>{\"name\": \"f\", oops", "<tool_call>{\"name\": \"f\", oops"},
    {"<tool_call>{\"name\": \"f g\", \"arguments\": {}}</tool_call>",
     "<tool_call>{\"name\": \"f g\", \"arguments\": {}}</tool_call>"},
    {"<｜tool▁calls▁begin｜> nothing", "<｜tool▁calls▁begin｜> nothing"},
    {"\n\n<｜DSML｜tool_calls>\n</｜DSML｜tool_calls>",
     "\n\n<｜DSML｜tool_calls>\n</｜DSML｜tool_calls>"},
    // A block in a block: the outer one's mark is text.
    {"<｜DSML｜function_calls><｜DSML｜tool_calls><｜DSML｜invoke name=\"f\"></｜DSML｜invoke>"
     "</｜DSML｜tool_calls>",
     "<｜DSML｜function_calls>|f({})"},
    // Calls that break: handed over at once, they have begun.
    {"A <tool_call>{\"name\": \"f\", \"arguments\": {\"a\": 1,}} B",
     "A <tool_call>{\"name\": \"f\", \"arguments\": {\"a\": 1,}} B", "A}} B|f({\"a\": 1,"},
    {"<tool_call>{\"name\": \"f\", \"arguments\": {\"a\": \"cut",
     "<tool_call>{\"name\": \"f\", \"arguments\": {\"a\": \"cut", "|f({\"a\": \"cut"},
    {"<｜DSML｜tool_calls>\n<｜DSML｜invoke name=\"f\">\n<｜DSML｜parameter name=\"n\" "
     "string=\"false\">2",
     "<｜DSML｜tool_calls>\n<｜DSML｜invoke name=\"f\">\n<｜DSML｜parameter name=\"n\" "
     "string=\"false\">2",
     "2|f({\"n\": "},
    {"<｜DSML｜tool_calls><｜DSML｜invoke name=\"f\"><｜DSML｜parameter name=\"n\" "
     "string=\"false\">2</｜DSML｜parameter><｜DSML｜parameter name=\"n\" "
     "string=\"false\">3</｜DSML｜parameter></｜DSML｜invoke>",
     "<｜DSML｜tool_calls><｜DSML｜invoke name=\"f\"><｜DSML｜parameter name=\"n\" "
     "string=\"false\">2</｜DSML｜parameter><｜DSML｜parameter name=\"n\" "
     "string=\"false\">3</｜DSML｜parameter></｜DSML｜invoke>",
     "<｜DSML｜parameter name=\"n\" string=\"false\">3</｜DSML｜parameter></｜DSML｜invoke>"
     "|f({\"n\": 2"},
};

TEST(CallParser, FindsTheCallsOfEveryFormHoweverTheTextIsCut) {
  for (const ReplyRow& row : kReplyRows)
    for (const Handing handing : {Handing::whole, Handing::at_once}) {
      const std::string reply = row.reply;
      const char* wanted = handing == Handing::at_once && row.at_once ? row.at_once : row.whole;
      EXPECT_EQ(joined_events({reply}, handing), wanted) << reply;
      std::vector<std::string> bytes;
      for (const char c : reply) bytes.emplace_back(1, c);
      EXPECT_EQ(joined_events(bytes, handing), wanted) << reply;
      for (uint64_t seed = 0; seed < 20; ++seed) {
        Random random(seed, 1);
        std::vector<std::string> pieces;
        for (size_t at = 0; at < reply.size();) {
          const size_t size = 1 + random.below(12);
          pieces.push_back(reply.substr(at, size));
          at += size;
        }
        EXPECT_EQ(joined_events(pieces, handing), wanted) << reply;
      }
    }
}

// Arguments leave with the token that brings them, but for what may be the end of a parameter.
TEST(CallParser, HandsArgumentsOverAsTheyCome) {
  CallParser parser(call_tools(), Handing::at_once);
  std::vector<CallEvent> events;
  const auto arguments_of = [&](const char* text) {
    events.clear();
    parser.push(text, events);
    std::string all;
    for (const CallEvent& event : events)
      if (event.kind == CallEvent::Kind::arguments) all += event.text;
    return all;
  };
  EXPECT_EQ(arguments_of("<tool_call>\n{\"name\": \"f\", \"arg"), "");
  EXPECT_EQ(arguments_of("uments\": {\"a"), "{\"a");
  EXPECT_EQ(arguments_of("b\": 12"), "b\": 12");
  EXPECT_EQ(arguments_of("3}"), "3}");
  EXPECT_EQ(arguments_of("}\n</tool_call>\n\n<｜DSML｜tool_calls>\n<｜DSML｜invoke name=\"g\">\n"),
            "");
  EXPECT_EQ(arguments_of("<｜DSML｜parameter name=\"x\" string=\"true\">one <"), "{\"x\": \"one ");
  EXPECT_EQ(arguments_of("two></"), "<two>");
  EXPECT_EQ(arguments_of("｜DSML｜parameter>\n</｜DSML｜invoke>"), "\"}");
}

}  // namespace
}  // namespace weir
