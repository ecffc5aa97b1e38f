#include "cli/chat_store.h"

#include <gtest/gtest.h>

namespace weir {
namespace {

Result<Conversation> read(const std::string& text) {
  const auto json = parse_json(text);
  EXPECT_TRUE(json) << json.error().message;
  return conversation_from_json(*json);
}

std::string error_of(const std::string& text) {
  const auto conversation = read(text);
  return conversation ? "" : conversation.error().message;
}

TEST(ChatStore, N9ConversationsComeBackAsTheyWere) {
  const std::string text =
      R"({"messages":[{"role":"system","content":"Be brief."},{"role":"user","content":"a\nb"},)"
      R"({"role":"assistant","content":"c"},{"role":"user","content":"weather?"},)"
      R"({"role":"assistant","content":"","tool_calls":[{"type":"function","function":)"
      R"({"name":"get","arguments":{}}}]},{"role":"tool","content":"sun"},)"
      R"({"role":"assistant","content":"It is sunny."}]})";
  const auto conversation = read(text);
  ASSERT_TRUE(conversation) << conversation.error().message;
  EXPECT_EQ(conversation->system, "Be brief.");
  ASSERT_EQ(conversation->turns.size(), 3u);
  EXPECT_TRUE(conversation->turns[1].has_calls());
  EXPECT_TRUE(conversation->turns[2].is_result);
  EXPECT_EQ(conversation_to_json(*conversation).dump(), text);
}

TEST(ChatStore, N9AQuestionWithoutAnswerStays) {
  const auto conversation = read(R"([{"role":"user","content":"a"}])");
  ASSERT_TRUE(conversation);
  EXPECT_EQ(conversation->turns.size(), 1u);
  EXPECT_TRUE(conversation->turns[0].answer.empty());
}

TEST(ChatStore, N9WhatIsNoConversationIsNamed) {
  EXPECT_NE(error_of("{}").find("no conversation"), std::string::npos);
  EXPECT_NE(error_of(R"({"messages": 7})").find("no conversation"), std::string::npos);
  EXPECT_EQ(error_of(R"([{"role":"assistant","content":"a"}])"),
            "message 1: the assistant speaks, but nothing was asked");
  EXPECT_EQ(error_of(R"([{"role":"user","content":"a"},{"role":"system","content":"b"}])"),
            "message 2: only the first message can be the system's");
  EXPECT_EQ(error_of(R"([{"role":"user","content":7}])"), "message 1: 'content' must be a text");
  EXPECT_NE(error_of(R"([{"role":"king","content":"a"}])").find("'king'"), std::string::npos);
  std::string many = "[";
  for (int i = 0; i < 4097; ++i) many += R"({"role":"user","content":"a"},)";
  many.back() = ']';
  EXPECT_EQ(error_of(many), "more than 4096 messages");
}

}  // namespace
}  // namespace weir
