#include "chat/chat_tools.h"

#include <gtest/gtest.h>

namespace weir {
namespace {

constexpr char kWeather[] =
    R"([{"type": "function", "function": {"name": "get_weather", "description": "Now",
         "parameters": {"type": "object", "properties": {"city": {"type": "string"}}}}}])";

Json json(const std::string& text) {
  auto parsed = parse_json(text);
  EXPECT_TRUE(parsed) << parsed.error().message << "\n" << text;
  return parsed ? *parsed : Json();
}

std::string error_of(const std::string& text) {
  auto checked = check_tools(json(text));
  return checked ? "" : checked.error().message;
}

TEST(ChatTools, F45ToolsAreTakenInTheFormsPeopleHave) {
  const std::string wanted = check_tools(json(kWeather))->dump();
  EXPECT_EQ(check_tools(json(std::string("{\"tools\": ") + kWeather + "}"))->dump(), wanted);
  const Json bare = json(R"([{"name": "get_weather", "description": "Now",
      "parameters": {"type": "object", "properties": {"city": {"type": "string"}}}}])");
  EXPECT_EQ(check_tools(bare)->dump(), wanted);
}

TEST(ChatTools, F45WrongListsAreNamed) {
  EXPECT_NE(error_of("{}").find("no list of tools"), std::string::npos);
  EXPECT_EQ(error_of("[]"), "the list of tools is empty");
  EXPECT_EQ(error_of(R"([{"name": "a"}, 7])"),
            "tool 2: must be an object with 'type' and 'function'");
  EXPECT_EQ(error_of(R"([{"type": "function", "function": {}}])"),
            "tool 1: 'function.name' is missing, or no text");
  EXPECT_NE(error_of(R"([{"name": "get weather"}])").find("is no name of a function"),
            std::string::npos);
  EXPECT_EQ(error_of(R"([{"name": "a"}, {"name": "a"}])"), "tool 2: 'a' is there twice");
  EXPECT_NE(error_of(R"([{"name": "a", "parameters": {"type": "string"}}])").find("JSON schema"),
            std::string::npos);
  EXPECT_NE(error_of(R"([{"type": "retrieval", "function": {"name": "a"}}])").find("'type'"),
            std::string::npos);
  std::string many = "[";
  for (int i = 0; i < 129; ++i) many += "{\"name\": \"f" + std::to_string(i) + "\"},";
  many.back() = ']';
  EXPECT_EQ(error_of(many), "more than 128 tools");
}

// The forms of published templates: Qwen2.5 and Hermes, DeepSeek-R1, DeepSeek-V3.1, Llama 3.1.
TEST(ChatTools, F45CallsOfThePublishedFormsAreFound) {
  const Json tools = *check_tools(json(kWeather));
  const std::string wanted =
      R"([{"type":"function","function":{"name":"get_weather","arguments":{"city":"Paris"}}}])";
  const char* const replies[] = {
      "I look.\n<tool_call>\n{\"name\": \"get_weather\", \"arguments\": {\"city\": "
      "\"Paris\"}}\n</tool_call>",
      "<｜tool▁calls▁begin｜><｜tool▁call▁begin｜>function<｜tool▁sep｜>get_weather\n```json\n"
      "{\"city\": \"Paris\"}\n```<｜tool▁call▁end｜><｜tool▁calls▁end｜>",
      "<｜tool▁calls▁begin｜><｜tool▁call▁begin｜>get_weather<｜tool▁sep｜>{\"city\": "
      "\"Paris\"}<｜tool▁call▁end｜><｜tool▁calls▁end｜>",
      "{\"name\": \"get_weather\", \"parameters\": {\"city\": \"Paris\"}}",
      "```json\n{\"name\": \"get_weather\", \"arguments\": {\"city\": \"Paris\"}}\n```",
  };
  for (const char* reply : replies)
    EXPECT_EQ(find_tool_calls(reply, tools).calls.dump(), wanted) << reply;
  const std::string one = replies[0];
  EXPECT_EQ(find_tool_calls(one + one, tools).calls.size(), 2u);
}

TEST(ChatTools, F45OtherTextMakesNoCalls) {
  const Json tools = *check_tools(json(kWeather));
  for (const char* reply :
       {"", "The weather is fine.", "{\"name\": \"other\", \"parameters\": {}}", "{\"name\": 7}",
        "<tool_call>{broken</tool_call>", "<tool_call>", "Say {\"name\": \"get_weather\"}"})
    EXPECT_EQ(find_tool_calls(reply, tools).calls.size(), 0u) << reply;
}

}  // namespace
}  // namespace weir
