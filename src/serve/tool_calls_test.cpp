// Calls that requests demand, from a server of a tiny model, which would never write one by itself.
#include <gtest/gtest.h>

#include "testing/serve_fixture.h"

namespace weir {
namespace {

std::string hello(const std::string& more) {
  return R"({"messages": [{"role": "user", "content": "hello"}], "temperature": 0)" + more + "}";
}

TEST(ToolCalls, AreForcedAndStreamedInEveryDialect) {
  const auto server = tiny_server();
  const auto post = [&](const char* path, const std::string& body) {
    return ask(server->port(), "POST", path, body);
  };
  const std::string schema =
      R"({"type": "object", "properties": {"n": {"type": "integer", "minimum": 3, "maximum": 5},
          "unit": {"enum": ["C", "F"]}}, "required": ["n", "unit"], "additionalProperties": false})";
  const std::string tools = R"(, "tools": [{"type": "function", "function": {"name": "f",
      "strict": true, "parameters": )" +
                            schema + R"(}}, {"type": "function", "function":
      {"name": "g", "parameters": {"type": "object", "properties": {"n": {"const": 1}},
      "required": ["n"], "additionalProperties": false}}}], "max_completion_tokens": 900,
      "parallel_tool_calls": false)";
  const auto check = [](const Json& arguments) {
    EXPECT_GE(number(arguments, "n"), 3) << arguments.dump();
    EXPECT_LE(number(arguments, "n"), 5);
    EXPECT_EQ(at(arguments, "unit").text().find_first_not_of("CF"), std::string::npos);
  };
  const std::string named =
      tools + R"(, "tool_choice": {"type": "function", "function": {"name": "f"}})";
  const Json whole = post("/v1/chat/completions", hello(named)).json();
  EXPECT_EQ(at(whole, "choices.0.finish_reason").text(), "tool_calls") << whole.dump();
  EXPECT_EQ(at(whole, "choices.0.message.tool_calls").size(), 1u);
  EXPECT_EQ(at(whole, "choices.0.message.tool_calls.0.function.name").text(), "f");
  const std::string text = at(whole, "choices.0.message.tool_calls.0.function.arguments").text();
  check(*parse_json(text));
  std::string streamed, ids;
  int deltas = 0;
  for (const Json& event :
       stream_events(post("/v1/chat/completions", hello(named + R"(, "stream": true)")).body)) {
    const Json& delta = at(event, "choices.0.delta.tool_calls.0");
    if (!delta.is_object()) continue;
    ++deltas;
    ids += at(delta, "id").text() + at(delta, "function.name").text();
    streamed += at(delta, "function.arguments").text();
    EXPECT_EQ(number(delta, "index"), 0);
  }
  EXPECT_EQ(parse_json(streamed)->dump(), text);
  EXPECT_GT(deltas, 3);
  EXPECT_EQ(ids.find("_0_0f") + 5, ids.size()) << ids;  // id and name once
  const Json any =
      post("/v1/chat/completions", hello(tools + R"(, "tool_choice": "required")")).json();
  EXPECT_EQ(at(any, "choices.0.message.tool_calls").size(), 1u) << any.dump();
  const std::string anthropic = R"({"messages": [{"role": "user", "content": "hello"}],
      "max_tokens": 900, "temperature": 0, "tools": [{"name": "f", "input_schema": )" +
                                schema +
                                R"(}], "tool_choice": {"type": "any",
                                "disable_parallel_tool_use": true})";
  const Json message = post("/v1/messages", anthropic + "}").json();
  EXPECT_EQ(at(message, "stop_reason").text(), "tool_use") << message.dump();
  check(at(message, "content.0.input"));
  const std::string events = post("/v1/messages", anthropic + R"(, "stream": true})").body;
  EXPECT_NE(events.find("input_json_delta"), events.npos);
  EXPECT_NE(events.find(R"("stop_reason":"tool_use")"), events.npos);
  const std::string form = R"(, "response_format": {"type": "json_schema", "json_schema":
      {"name": "p", "schema": {"type": "boolean"}}})";
  const Json either = post("/v1/chat/completions", hello(tools + form)).json();
  const std::string answer = at(either, "choices.0.message.content").text();
  EXPECT_TRUE(answer == "true" || answer == "false" ||
              at(either, "choices.0.message.tool_calls").size() == 1)
      << either.dump();
  for (const auto& [more, words] : std::vector<std::pair<std::string, const char*>>{
           {tools + R"(, "tool_choice": {"type": "function", "function": {"name": "h"}})", "'h'"},
           {R"(, "tool_choice": "required")", "no tools"},
           {tools + R"(, "tool_choice": "maybe")", "'tool_choice'"},
           {R"(, "tools": [{"type": "function", "function": {"name": "f", "strict": true,
               "parameters": {"type": "object", "not": {}}}}])",
            "'not'"}}) {
    const auto refused = post("/v1/chat/completions", hello(more));
    EXPECT_EQ(refused.status, 400) << refused.body;
    EXPECT_NE(refused.body.find(words), std::string::npos) << refused.body;
  }
}

// The template of this model takes no tools: they are told in words, and the form is the same.
TEST(ToolCalls, AreForcedWhereTheTemplateTakesNone) {
  const auto server = tiny_server(true);
  const Json reply =
      ask(server->port(), "POST", "/v1/chat/completions", hello(R"(, "max_tokens": 900,
          "reasoning_budget_tokens": 6, "tool_choice": "required", "parallel_tool_calls": false,
          "tools": [{"type": "function", "function": {"name": "f", "parameters":
          {"type": "object", "properties": {"n": {"enum": [7]}}, "required": ["n"],
          "additionalProperties": false}}}])"))
          .json();
  EXPECT_EQ(at(reply, "choices.0.finish_reason").text(), "tool_calls") << reply.dump();
  const std::string arguments =
      at(reply, "choices.0.message.tool_calls.0.function.arguments").text();
  EXPECT_EQ(number(*parse_json(arguments), "n"), 7) << arguments;
  const Json tokens = ask(server->port(), "POST", "/apply-template",
                          R"({"messages": [{"role": "user", "content": "hello"}], "tools":
                          [{"type": "function", "function": {"name": "f"}}]})")
                          .json();
  EXPECT_NE(at(tokens, "prompt").text().find("\"name\":\"f\""), std::string::npos);
}

}  // namespace
}  // namespace weir
