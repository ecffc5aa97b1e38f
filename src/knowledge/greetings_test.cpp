#include "knowledge/greetings.h"

#include <gtest/gtest.h>

namespace weir {
namespace {

TEST(Greetings, AreNoQuestions) {
  for (const char* text :
       {"hello", "Hello!", " Hi  there :-)", "Thank you very much.", "你好！", "谢谢。"})
    EXPECT_TRUE(is_greeting(text)) << text;
  for (const char* text : {"", "?", "hello world", "What does hello print?",
                           "Hi, which port is used?", "你好世界", "thanks for what"})
    EXPECT_FALSE(is_greeting(text)) << text;
  EXPECT_FALSE(is_greeting("hello" + std::string(1 << 20, '!')));
}

}  // namespace
}  // namespace weir
