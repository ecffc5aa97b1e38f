// /v1/responses: items, and the events that OpenAI's client (3.57.0) reads.
#include <gtest/gtest.h>

#include "serve/responses_reply.h"
#include "serve/responses_request.h"
#include "testing/serve_fixture.h"

namespace weir {
namespace {

ApiResult<ServeRequest> read_response(const std::string& body) {
  return read_responses(*parse_json(body), {});
}

std::string types_of(const std::vector<Json>& events) {
  std::string all;
  for (const Json& event : events) {
    std::string type = at(event, "type").text();
    if (type.rfind("response.", 0) == 0) type.erase(0, 9);
    all += (all.empty() ? "" : " ") + type;
  }
  return all;
}

constexpr const char* kHelloInput =
    R"({"input": "hello", "temperature": 0, "max_output_tokens": 20)";

TEST(Responses, ItemsOfATurnAreOneMessage) {
  auto request =
      read_response(R"({"instructions": "be brief", "reasoning": {"effort": "low"}, "input": [
      {"role": "developer", "content": "d"},
      {"type": "message", "role": "user", "content": [{"type": "input_text", "text": "q"}]},
      {"type": "reasoning", "id": "rs_1", "summary": [{"type": "summary_text", "text": "no"}],
       "content": [{"type": "reasoning_text", "text": "why"}]},
      {"type": "message", "role": "assistant", "id": "msg_1", "status": "completed",
       "content": [{"type": "output_text", "text": "a", "annotations": []}]},
      {"type": "function_call", "call_id": "c1", "name": "f", "arguments": "{\"x\":1}"},
      {"type": "function_call", "call_id": "c2", "name": "g", "arguments": ""},
      {"type": "function_call_output", "call_id": "c1", "output": "one"},
      {"type": "function_call_output", "call_id": "c2",
       "output": [{"type": "input_text", "text": "two"}]}]})");
  ASSERT_TRUE(request) << request.error().message;
  EXPECT_EQ(
      request->messages.dump(),
      R"([{"role":"system","content":"be brief"},{"role":"system","content":"d"},)"
      R"({"role":"user","content":"q"},{"role":"assistant","content":"a","reasoning_content":"why",)"
      R"("tool_calls":[{"id":"c1","type":"function","function":{"name":"f","arguments":{"x":1}}},)"
      R"({"id":"c2","type":"function","function":{"name":"g","arguments":{}}}]},)"
      R"({"role":"tool","content":"one","tool_call_id":"c1","name":"f"},)"
      R"({"role":"tool","content":"two","tool_call_id":"c2","name":"g"}])");
  EXPECT_EQ(request->reasoning_effort, "low");
  EXPECT_EQ(request->thinking, true);
  EXPECT_FALSE(request->continues);
}

TEST(Responses, WrongFieldsAreNamed) {
  struct Case {
    const char *body, *words;
  };
  for (const Case& c : {
           Case{R"({})", "'input'"},
           {R"({"input": []})", "'input'"},
           {R"({"input": [5]})", "'input[0]'"},
           {R"({"input": [{"type": "item_reference", "id": "x"}]})", "item_reference"},
           {R"({"input": [{"role": "pope", "content": "x"}]})", "'input[0].role'"},
           {R"({"input": [{"role": "user", "content": [{"type": "input_image"}]}]})",
            "'input[0].content[0]'"},
           {R"({"input": [{"type": "function_call", "call_id": "c", "name": "f",
               "arguments": "[]"}]})",
            "'input[0].arguments'"},
           {R"({"input": "x", "previous_response_id": "resp_1"})", "'previous_response_id'"},
           {R"({"input": "x", "conversation": "conv_1"})", "'conversation'"},
           {R"({"input": "x", "background": true})", "'background'"},
           {R"({"input": "x", "max_output_tokens": 0})", "'max_output_tokens'"},
           {R"({"input": "x", "tools": [{"type": "web_search"}]})", "web_search"},
           {R"({"input": "x", "text": {"format": {"type": "xml"}}})", "'text.format'"},
           {R"({"input": "x", "text": {"format": {"type": "json_schema"}}})", "'schema'"},
       }) {
    auto request = read_response(c.body);
    ASSERT_FALSE(request) << c.body;
    EXPECT_NE(request.error().message.find(c.words), std::string::npos) << request.error().message;
  }
}

TEST(Responses, AStreamEndsWithTheWholeResponse) {
  const auto server = tiny_server();
  const Json whole =
      ask(server->port(), "POST", "/v1/responses", kHelloInput + std::string("}")).json();
  EXPECT_EQ(at(whole, "object").text(), "response");
  EXPECT_EQ(at(whole, "output.0.content.0.type").text(), "output_text");
  const std::string text = at(whole, "output.0.content.0.text").text();
  const Json chat = ask(server->port(), "POST", "/chat/completions",
                        R"({"messages": [{"role": "user", "content": "hello"}], "temperature": 0,
              "max_tokens": 20})")
                        .json();
  EXPECT_EQ(text, at(chat, "choices.0.message.content").text());
  EXPECT_EQ(number(whole, "usage.input_tokens"), number(chat, "usage.prompt_tokens"));
  EXPECT_EQ(number(whole, "usage.output_tokens"), number(chat, "usage.completion_tokens"));
  const bool is_cut = at(chat, "choices.0.finish_reason").text() == "length";
  EXPECT_EQ(at(whole, "status").text(), is_cut ? "incomplete" : "completed");
  EXPECT_EQ(at(whole, "incomplete_details.reason").text(), is_cut ? "max_output_tokens" : "");

  const ServedReply stream = ask(server->port(), "POST", "/v1/responses",
                                 kHelloInput + std::string(R"(, "stream": true})"));
  const std::vector<Json> events = stream_events(stream.body);
  std::string joined, types = types_of(events);
  int deltas = 0;
  for (size_t i = 0; i < events.size(); ++i) {
    EXPECT_EQ(number(events[i], "sequence_number"), int64_t(i));
    if (at(events[i], "type").text() != "response.output_text.delta") continue;
    joined += at(events[i], "delta").text();
    EXPECT_EQ(at(events[i], "item_id").text(), at(events.back(), "response.output.0.id").text());
    ++deltas;
  }
  EXPECT_EQ(joined, text);
  for (const std::string one = " output_text.delta"; deltas > 1; --deltas)
    types.erase(types.find(one), one.size());
  EXPECT_EQ(types, std::string("created in_progress output_item.added content_part.added "
                               "output_text.delta output_text.done content_part.done "
                               "output_item.done ") +
                       (is_cut ? "incomplete" : "completed"));
  EXPECT_EQ(at(events.back(), "response.output.0.content").dump(),
            at(whole, "output.0.content").dump());
  EXPECT_EQ(at(events.back(), "response.status").text(), at(whole, "status").text());
  EXPECT_EQ(number(events.back(), "response.usage.total_tokens"),
            number(whole, "usage.total_tokens"));
  EXPECT_GT(number(events.back(), "response.usage.input_tokens_details.cached_tokens"), 0);
  EXPECT_EQ(at(events[0], "response.id").text(), at(events.back(), "response.id").text());
}

TEST(Responses, ThoughtsTextAndCallsAreItems) {
  const auto model = tiny_served();
  const Json body = *parse_json(R"({"input": "x", "instructions": "i", "metadata": {"k": "v"}})");
  const auto request = read_response(body.dump());
  auto writer = responses_writer(*read_response(body.dump()), body, *model, "7");
  std::string out = writer->begin({});
  ReplyParts call{.call_parts = {{0, "f", "{\"x\":"}}}, rest{.call_parts = {{0, "", "1}"}}},
      last{.call_parts = {{1, "g", "{}"}}, .is_last = true, .reason = FinishReason::end};
  for (const ReplyParts& parts : {ReplyParts{.thinking = "why"}, ReplyParts{.answer = "a"},
                                  ReplyParts{.answer = "b"}, call, rest, last})
    out += writer->part(0, parts, {});
  out += writer->end({.prompt = 9, .cached = 4, .completion = 6, .thinking = 2});
  const std::vector<Json> events = stream_events(out);
  EXPECT_EQ(types_of(events),
            "created in_progress "
            "output_item.added content_part.added reasoning_text.delta reasoning_text.done "
            "content_part.done output_item.done "
            "output_item.added content_part.added output_text.delta output_text.delta "
            "output_text.done content_part.done output_item.done "
            "output_item.added function_call_arguments.delta function_call_arguments.delta "
            "function_call_arguments.done output_item.done "
            "output_item.added function_call_arguments.delta function_call_arguments.done "
            "output_item.done completed");
  const Json& response = at(events.back(), "response");
  EXPECT_EQ(at(response, "output").dump(),
            R"([{"type":"reasoning","id":"rs_7_0","status":"completed","summary":[],)"
            R"("content":[{"type":"reasoning_text","text":"why"}]},)"
            R"({"type":"message","id":"msg_7_1","status":"completed","role":"assistant",)"
            R"("content":[{"type":"output_text","text":"ab","annotations":[],"logprobs":[]}]},)"
            R"({"type":"function_call","id":"fc_7_2","call_id":"call_7_2","name":"f",)"
            R"("arguments":"{\"x\":1}","status":"completed"},)"
            R"({"type":"function_call","id":"fc_7_3","call_id":"call_7_3","name":"g",)"
            R"("arguments":"{}","status":"completed"}])");
  EXPECT_EQ(at(response, "usage").dump(),
            R"({"input_tokens":9,"input_tokens_details":{"cached_tokens":4},"output_tokens":6,)"
            R"("output_tokens_details":{"reasoning_tokens":2},"total_tokens":15})");
  EXPECT_EQ(at(response, "instructions").text(), "i");
  EXPECT_EQ(at(response, "metadata.k").text(), "v");
  EXPECT_EQ(at(response, "store").dump(), "false");
  for (size_t i = 2; i + 1 < events.size(); ++i)
    EXPECT_GE(number(events[i], "output_index"), number(events[i - 1], "output_index"));
}

TEST(Responses, ScoresTheFormAndTheCount) {
  const auto server = tiny_server();
  const Json scored = ask(server->port(), "POST", "/responses",
                          kHelloInput + std::string(R"(, "top_logprobs": 2})"))
                          .json();
  ASSERT_GT(at(scored, "output.0.content.0.logprobs").size(), 0u);
  EXPECT_EQ(at(scored, "output.0.content.0.logprobs.0.top_logprobs").size(), 2u);
  const Json held =
      ask(server->port(), "POST", "/responses",
          kHelloInput + std::string(R"(, "text": {"format": {"type": "json_schema", "name": "n",
              "schema": {"type": "integer", "minimum": 3, "maximum": 9}}}})"))
          .json();
  const std::string digit = at(held, "output.0.content.0.text").text();
  EXPECT_TRUE(digit.size() == 1 && digit[0] >= '3' && digit[0] <= '9') << held.dump();
  EXPECT_EQ(at(held, "status").text(), "completed");
  const Json count =
      ask(server->port(), "POST", "/v1/responses/input_tokens", R"({"input": "hello"})").json();
  EXPECT_EQ(number(count, "input_tokens"), number(scored, "usage.input_tokens"));
  EXPECT_EQ(ask(server->port(), "GET", "/v1/responses/resp_1").status, 404);
}

}  // namespace
}  // namespace weir
