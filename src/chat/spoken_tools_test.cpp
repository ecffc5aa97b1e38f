#include "chat/spoken_tools.h"

#include <gtest/gtest.h>

#include "chat/chat_tools.h"

namespace weir {
namespace {

const char* kConversation = R"([{"role": "user", "content": "Warm in Rome and Oslo?"},
  {"role": "assistant", "content": "", "tool_calls": [
    {"id": "1", "type": "function", "function": {"name": "f", "arguments": "{\"city\": \"Rome\"}"}},
    {"id": "2", "type": "function", "function": {"name": "f", "arguments": {"city": "Oslo"}}}]},
  {"role": "tool", "tool_call_id": "1", "content": "31"},
  {"role": "tool", "tool_call_id": "2", "content": "9"},
  {"role": "assistant", "content": "Rome is."}])";

Json tools() {
  return *check_tools(*parse_json(R"([{"type": "function", "function": {"name": "f",
      "description": "temperature", "parameters": {"type": "object"}}}])"));
}

std::vector<std::string> roles_of(const Json& messages) {
  std::vector<std::string> roles;
  for (const Json& message : messages.items()) roles.push_back(message.text_at("role"));
  return roles;
}

TEST(SpokenTools, CallsAndResultsBecomeTextThatTheParserReads) {
  const Json told = speak_tools(*parse_json(kConversation), tools(), true);
  EXPECT_EQ(roles_of(told),
            (std::vector<std::string>{"system", "user", "assistant", "user", "assistant"}));
  const std::string system = told.items()[0].text_at("content");
  EXPECT_NE(system.find(R"({"name":"f","description":"temperature")"), system.npos) << system;
  EXPECT_EQ(told.items()[1].text_at("content"), "Warm in Rome and Oslo?");
  const Json& calls = told.items()[2];
  EXPECT_EQ(calls.find("tool_calls"), nullptr);
  const FoundCalls found = find_tool_calls(calls.text_at("content"), tools());
  ASSERT_EQ(found.calls.size(), 2u) << calls.dump();
  EXPECT_EQ(found.text, "");
  EXPECT_EQ(found.calls.items()[1].find("function")->find("arguments")->dump(),
            R"({"city":"Oslo"})");
  EXPECT_EQ(told.items()[3].text_at("content"),
            "<tool_response>\n31\n</tool_response>\n<tool_response>\n9\n</tool_response>");
}

TEST(SpokenTools, AreToldToTheSystemPromptOrTheFirstUser) {
  const Json asked = *parse_json(R"([{"role": "system", "content": "Be short."},
      {"role": "user", "content": "A?"}, {"role": "user", "content": "B?"}])");
  const Json told = speak_tools(asked, tools(), true);
  EXPECT_EQ(roles_of(told), (std::vector<std::string>{"system", "user", "user"}));
  EXPECT_EQ(told.items()[0].text_at("content").rfind("Be short.\n\nYou may call", 0), 0u);
  const Json without = speak_tools(asked, tools(), false);
  EXPECT_EQ(without.items()[0].dump(), asked.items()[0].dump());
  const std::string first = without.items()[1].text_at("content");
  EXPECT_EQ(first.rfind("You may call", 0), 0u);
  EXPECT_TRUE(first.ends_with("\n\nA?"));
  EXPECT_EQ(without.items()[2].text_at("content"), "B?");
}

}  // namespace
}  // namespace weir
