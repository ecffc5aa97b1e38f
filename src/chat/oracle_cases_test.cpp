// Prompts and calls of cases from a file, for tools/check_calls.py to compare with other programs.
#include <gtest/gtest.h>

#include <cstdlib>
#include <fstream>

#include "base/file.h"
#include "base/json.h"
#include "chat/call_parser.h"
#include "chat/chat_template.h"
#include "chat/chat_tools.h"
#include "chat/templates.h"

namespace weir {
namespace {

// {"messages", "tools", "thinking"} -> the prompt of the built-in template.
Json rendered_prompt(const Json& example) {
  static const ChatTemplate made =
      *ChatTemplate::create(std::string(kDeepSeekV32Template),
                            {.bos = "<｜begin▁of▁sentence｜>", .eos = "<｜end▁of▁sentence｜>"});
  TemplateOptions options;
  const Json* tools = example.find("tools");
  if (tools && tools->is_array()) options.tools = tools;
  options.thinking = *example.find("thinking")->as_bool();
  const Result<RenderedTemplate> text = made.render(*example.find("messages"), options);
  return text ? Json(text->text) : Json("error: " + text.error().message);
}

// {"text", "step"} -> {"text", "calls": [[name, arguments]]}: what a client of a stream gets.
Json parsed_calls(const Json& example) {
  static const Json tools = *check_tools(*parse_json(R"([{"name": "f"}, {"name": "g"}])"));
  const std::string& reply = example.find("text")->text();
  const size_t step = size_t(*example.find("step")->as_int());
  CallParser parser(tools, CallParser::Handing::at_once);
  std::vector<CallEvent> events;
  for (size_t at = 0; at < reply.size(); at += step) parser.push(reply.substr(at, step), events);
  parser.finish(events);
  std::string text;
  std::vector<std::pair<std::string, std::string>> calls;
  for (const CallEvent& event : events) {
    if (event.kind == CallEvent::Kind::text) text += event.text;
    if (event.kind == CallEvent::Kind::begin) calls.push_back({event.text, ""});
    if (event.kind == CallEvent::Kind::arguments) calls.back().second += event.text;
  }
  Json result = Json::object(), list = Json::array();
  for (const auto& [name, arguments] : calls) {
    Json call = Json::array();
    call.push(name);
    call.push(arguments);
    list.push(std::move(call));
  }
  result.set("text", text);
  result.set("calls", std::move(list));
  return result;
}

TEST(OracleCases, AreJudgedForOtherPrograms) {
  const char *from = std::getenv("WEIR_ORACLE_CASES"), *to = std::getenv("WEIR_ORACLE_RESULTS");
  if (!from || !to) GTEST_SKIP() << "tools/check_calls.py sets WEIR_ORACLE_CASES";
  const std::string cases = *read_file(from, size_t(256) << 20);
  std::string results;
  for (size_t begin = 0; begin < cases.size();) {
    const size_t end = cases.find('\n', begin);
    const Json example = *parse_json(std::string_view(cases).substr(begin, end - begin));
    results +=
        (example.find("messages") ? rendered_prompt(example) : parsed_calls(example)).dump() + "\n";
    begin = end + 1;
  }
  EXPECT_TRUE((std::ofstream(to) << results).good());
}

}  // namespace
}  // namespace weir
