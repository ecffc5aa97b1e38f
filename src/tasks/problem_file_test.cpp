#include "tasks/problem_file.h"

#include <gtest/gtest.h>

#include <map>

#include "testing/problem_fixture.h"
#include "testing/tokenizer_data.h"

namespace weir {
namespace {

ProblemFile must_parse(std::string_view bytes, const std::string& format = "auto") {
  auto file = parse_problem_file(bytes, "f", {.format = format});
  if (file) return std::move(*file);
  ADD_FAILURE() << bytes << ": " << file.error().message;
  return {};
}
Problem first(std::string_view bytes, const std::string& format = "auto") {
  ProblemFile file = must_parse(bytes, format);
  return file.problems.empty() ? Problem() : std::move(file.problems.front());
}
std::string error_of(std::string_view bytes, const std::string& format = "auto") {
  auto file = parse_problem_file(bytes, "f", {.format = format});
  return file ? "" : file.error().message;
}
// "user: a | assistant: (b) c": thinking in parentheses.
std::string shown(const Problem& problem) {
  std::string text;
  for (const Message& message : problem.messages) {
    text += (text.empty() ? "" : " | ") + std::string(role_name(message.role)) + ": ";
    if (message.has_thinking) text += "(" + message.thinking + ") ";
    text += message.content;
  }
  if (problem.has_rejected) text += " | rejected: " + problem.rejected.content;
  return text;
}

TEST(ProblemFile, EveryFormatIsRecognisedByItsKeys) {
  struct Case {
    const char *row, *format, *shown;
  };
  const Case cases[] = {
      {R"({"messages":[{"role":"system","content":"s"},{"role":"user","content":"a"},)"
       R"({"role":"assistant","content":"b"},{"role":"user","content":"c"},)"
       R"({"role":"assistant","content":"d","reasoning_content":"r"}]})",
       "messages", "system: s | user: a | assistant: b | user: c | assistant: (r) d"},
      {R"({"messages":[{"role":"user","content":"a"}],"gold":"1","verifier":"numeric"})",
       "messages", "user: a"},
      {R"({"messages":[{"role":"user","content":[{"type":"text","text":"a"},)"
       R"({"type":"text","text":"b"}]},{"role":"assistant","content":"<think> t </think> c"}]})",
       "messages", "user: ab | assistant: (t) c"},
      {R"({"conversations":[{"from":"human","value":"a"},{"from":"gpt","value":"b"}],)"
       R"("system":"s"})",
       "sharegpt", "system: s | user: a | assistant: b"},
      {R"({"conversations":[{"from":"human","value":"a"}],"chosen":{"from":"gpt","value":"b"},)"
       R"("rejected":{"from":"gpt","value":"c"}})",
       "sharegpt", "user: a | assistant: b | rejected: c"},
      {R"({"instruction":"a","input":"b","output":"c","history":[["x","y"]]})", "alpaca",
       "user: x | assistant: y | user: a\nb | assistant: c"},
      {R"({"instruction":"a","output":"c","thinking":"t"})", "alpaca",
       "user: a | assistant: (t) c"},
      {R"({"question":"a","answer":"1+1=<<1+1=2>>2\nso #### 2"})", "qa",
       "user: a | assistant: (1+1=2\nso) 2"},
      {R"({"problem":"a","answer":7})", "qa", "user: a | assistant: 7"},
      {R"({"prompt":"a","chosen":"b","rejected":"c"})", "preference",
       "user: a | assistant: b | rejected: c"},
      {R"({"prompt":[{"role":"user","content":"a"}],)"
       R"("chosen":[{"role":"assistant","content":"b"}],)"
       R"("rejected":[{"role":"assistant","content":"c"}]})",
       "preference", "user: a | assistant: b | rejected: c"},
  };
  for (const Case& c : cases) {
    const ProblemFile file = must_parse(c.row);
    EXPECT_STREQ(row_format_name(file.format), c.format) << c.row;
    ASSERT_EQ(file.problems.size(), 1u) << c.row;
    EXPECT_EQ(shown(file.problems[0]), c.shown) << c.row;
    EXPECT_EQ(shown(first("[" + std::string(c.row) + "]")), c.shown) << "as an array";
    EXPECT_EQ(shown(first(c.row, c.format)), c.shown) << "by name";
  }
}

TEST(ProblemFile, CommonKeysGoWithEveryFormat) {
  const Problem problem =
      first(R"({"question":"a","answer":"b","gold":3,"verifier":"numeric","language":"zh",)"
            R"("difficulty":4})");
  EXPECT_EQ(problem.gold, "3");
  EXPECT_EQ(problem.verifier, "numeric");
  EXPECT_EQ(problem.language, "zh");
  EXPECT_EQ(problem.difficulty, 4);
  EXPECT_EQ(first(R"({"question":"a","answer":"b"})").gold, "b");
  EXPECT_EQ(first(R"({"question":"a","answer":"b #### 1,000"})").gold, "1,000");
  EXPECT_EQ(first(R"({"question":"a","answer":"b #### 1"})").verifier, "numeric");
}

TEST(ProblemFile, PlacesAreLinesOrRows) {
  const std::string row = R"({"question":"a","answer":"b"})";
  const ProblemFile lines = must_parse("\xef\xbb\xbf\n" + row + "\r\n\n" + row);
  ASSERT_EQ(lines.problems.size(), 2u);
  EXPECT_EQ(lines.problems[1].place, "f:4");
  EXPECT_EQ(must_parse(" [" + row + ",\n" + row + "]\n").problems[1].place, "f: row 2");
}

TEST(ProblemFile, RowsOfNoUseAreLeftOutAndCounted) {
  const std::string useful = R"({"messages":[{"role":"user","content":"a"},)"
                             R"({"role":"assistant","content":"b"}]})";
  struct Case {
    const char *row, *reason;
  };
  const Case cases[] = {
      {R"({"messages":[{"role":"user","content":"a"},{"role":"tool","content":"b"}]})",
       "a message of role 'tool'"},
      {R"({"messages":[{"role":"user","content":"a"},)"
       R"({"role":"assistant","content":null,"tool_calls":[{"id":1}]}]})",
       "a message with tool calls"},
      {R"({"messages":[{"role":"user","content":[{"type":"image_url","image_url":"x"}]}]})",
       "a part of 'content' is no text"},
      {R"({"messages":[{"role":"user","content":"a"},{"role":"assistant","content":" "}]})",
       "an empty message of role 'assistant'"},
      {R"({"messages":[{"role":"user","content":"a"},{"role":"assistant","content":"b"}],)"
       R"("tools":[{"name":"t"}]})",
       "a conversation with tools"},
  };
  for (const Case& c : cases) {
    const ProblemFile file = must_parse(useful + "\n" + c.row + "\n" + c.row);
    EXPECT_EQ(file.problems.size(), 1u);
    EXPECT_EQ(file.rows, 3u);
    EXPECT_EQ(file.left_out.rows(), 2u);
    EXPECT_EQ(file.left_out.text(), std::string(c.reason) + " (2 rows, the first f:2)");
    EXPECT_EQ(error_of(c.row),
              std::string("none of the 1 rows of f can be used: ") + c.reason + " (f:1)");
  }
  EXPECT_EQ(error_of(R"({"instruction":"a","output":""})"),
            "none of the 1 rows of f can be used: 'output' is empty (f:1)");
}

TEST(ProblemFile, EachBrokenFileIsOneSentence) {
  const std::string ok = "{\"question\":\"a\",\"answer\":\"b\"}\n";
  const std::map<std::string, std::string> errors = {
      {"", "f: there are no rows in it"},
      {" \n\n", "f: there are no rows in it"},
      {"[]", "f: there are no rows in it"},
      {"[", "f: "},
      {"[1]", "f: row 1: a row must be a JSON object"},
      {ok + "[1]", "f:2: a row must be a JSON object; correct the row, or set skip_bad_rows: true"},
      {ok + "{\n\"question\": 1}", "f:2: not a JSON object ("},
      {ok + "{\"question\":\"a\"}", "f:2: the keys (question) belong to no known format"},
      {"{\"instruction\":\"a\",\"chosen\":\"b\"}", "f:1: there is no 'rejected' in the row; add"},
      {"{\"text\":\"a\",\"id\":1}", "f:1: the keys (text, id) belong to no known format; a row"},
      {"{\"question\":\"a\",\"answer\":true}", "f:1: 'answer' must be a string or a number"},
      {"{\"question\":\"a\\u0000\",\"answer\":\"b\"}", "f:1: 'question' holds a NUL character"},
      {"{\"messages\":{}}", "f:1: 'messages' must be a list of messages"},
      {"{\"messages\":[1]}", "f:1: message 1 of 'messages': a message must be an object"},
      {"{\"messages\":[{\"content\":\"a\"}]}",
       "f:1: message 1 of 'messages': there is no 'role' or 'from' in the message; add it"},
      {"{\"prompt\":\"a\",\"chosen\":\"b\"}", "f:1: there is no 'rejected' in the row"},
      {"{\"instruction\":\"a\",\"output\":\"b\",\"history\":[[\"a\"]]}",
       "f:1: 'history' must be a list of pairs of strings"},
      {"{\"question\":\"a\",\"answer\":[\"b\"]}",
       "f:1: 'answer' must be a string, a message or a list of messages"},
  };
  for (const auto& [bytes, message] : errors) {
    EXPECT_TRUE(error_of(bytes).starts_with(message)) << bytes << "\n  gives: " << error_of(bytes);
    EXPECT_EQ(error_of(bytes).find('\n'), std::string::npos) << error_of(bytes);
  }
}

TEST(ProblemFile, LanguagesAreGuessedFromLetters) {
  EXPECT_EQ(guess_language("How many eggs?"), "en");
  EXPECT_EQ(guess_language("小红有3个鸡蛋。现在有几个？"), "zh");
  EXPECT_EQ(guess_language("Python里的list是什么？"), "zh");
  EXPECT_EQ(guess_language("What does 狗 mean in English?"), "en");
  EXPECT_EQ(guess_language("たまごはいくつありますか"), "");
  EXPECT_EQ(guess_language("Сколько яиц?"), "");
  EXPECT_EQ(guess_language("12 + 3 = ?"), "");
  EXPECT_EQ(guess_language(""), "");
}

// Real files, as people have them.
TEST(ProblemFile, ReadsPublishedFiles) {
  struct Case {
    const char *name, *format;
    size_t rows, left_out_max;
  };
  int missing = 0;
  for (const Case& c : {Case{"maths/gsm8k-train.jsonl", "qa", 7473, 0},
                        Case{"instruct/alpaca_zh_demo.json", "alpaca", 1000, 0},
                        Case{"instruct/dpo_zh_demo.json", "sharegpt", 300, 0},
                        Case{"instruct/identity.json", "alpaca", 91, 0}}) {
    const std::string path = large_data(c.name);
    if (path.empty()) {
      ++missing;
      continue;
    }
    auto file = parse_problem_file(must_read(path), c.name);
    ASSERT_TRUE(file) << file.error().message;
    EXPECT_STREQ(row_format_name(file->format), c.format);
    EXPECT_EQ(file->rows, c.rows);
    EXPECT_EQ(file->problems.size() + file->left_out.rows(), file->rows);
    EXPECT_LE(file->left_out.rows(), c.left_out_max) << file->left_out.text();
    for (const Problem& problem : file->problems) {
      ASSERT_TRUE(problem.has_reply()) << problem.place;
      if (std::string(c.format) == "qa") {
        EXPECT_EQ(verdict_of(problem, replied(problem)), Verdict::right) << problem.place;
        EXPECT_EQ(problem.messages.back().thinking.find("<<"), std::string::npos) << problem.place;
      }
    }
  }
  if (missing > 0) GTEST_SKIP() << missing << " files are not on this machine; set WEIR_DATA";
}

TEST(ProblemFile, ConversationsThatOnlyCallToolsAreRefusedWithTheReason) {
  const std::string path = large_data("instruct/glaive_toolcall_zh_demo.json");
  if (path.empty()) GTEST_SKIP() << "the file is not on this machine; set WEIR_DATA";
  auto file = parse_problem_file(must_read(path), "glaive.json");
  ASSERT_TRUE(file) << file.error().message;
  EXPECT_GT(file->left_out.rows(), file->rows / 2);
  EXPECT_FALSE(file->left_out.text().empty());
}

}  // namespace
}  // namespace weir
