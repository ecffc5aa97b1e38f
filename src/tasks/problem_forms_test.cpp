// The forms in which other tools publish rows, and what becomes of rows that are odd. The expected
// pairs of TRL's forms are what TRL 1.16.0's maybe_extract_prompt() makes of the same rows.
#include <fmt/format.h>
#include <gtest/gtest.h>

#include "tasks/problem_file.h"
#include "verify/verifier.h"

namespace weir {
namespace {

ProblemFile must_parse(std::string_view bytes, const ProblemFileOptions& options = {}) {
  auto file = parse_problem_file(bytes, "f", options);
  if (file) return std::move(*file);
  ADD_FAILURE() << bytes << ": " << file.error().message;
  return {};
}
std::string error_of(std::string_view bytes, const ProblemFileOptions& options = {}) {
  auto file = parse_problem_file(bytes, "f", options);
  return file ? "" : file.error().message;
}
Problem first(std::string_view bytes) {
  ProblemFile file = must_parse(bytes);
  return file.problems.empty() ? Problem() : std::move(file.problems.front());
}
// "user: a | assistant: (b) c | rejected: d | gold: e": thinking in parentheses.
std::string shown(const Problem& problem) {
  std::string text;
  auto add = [&](const std::string& part) { text += (text.empty() ? "" : " | ") + part; };
  for (const Message& message : problem.messages)
    add(std::string(role_name(message.role)) + ": " +
        (message.has_thinking ? "(" + message.thinking + ") " : "") + message.content);
  if (problem.has_rejected) add("rejected: " + problem.rejected.content);
  if (!problem.gold.empty()) add("gold: " + problem.gold);
  if (!problem.verifier.empty()) add("verifier: " + problem.verifier);
  return text;
}
std::string shown(std::string_view row) { return shown(first(row)); }

// A row that is read without doubt, in front of odd ones.
const std::string kGood = R"({"question":"q","answer":"a"})";

TEST(ProblemForms, F3OnlyAMarkAndOneNumberInTheLastLineIsAGsm8kAnswer) {
  struct Case {
    const char *answer, *shown;
  };
  const Case marked[] = {
      {"2+2=<<2+2=4>>4\\n#### 4", "assistant: (2+2=4) 4 | gold: 4 | verifier: numeric"},
      {"so #### -1,234.50 ", "assistant: (so) -1,234.50 | gold: -1,234.50 | verifier: numeric"},
      {"a\\n#### $18\\n", "assistant: (a) $18 | gold: $18 | verifier: numeric"},
      {"#### 3/4", "assistant: 3/4 | gold: 3/4 | verifier: numeric"},
      {"## A\\nb\\n#### 7%", "assistant: (## A\nb) 7% | gold: 7% | verifier: numeric"},
  };
  for (const Case& c : marked)
    EXPECT_EQ(shown(fmt::format(R"({{"question":"q","answer":"{}"}})", c.answer)),
              std::string("user: q | ") + c.shown);
  // Headings, and what only looks like the mark: the answer stays whole and nothing checks it.
  for (const char* answer :
       {"To plan:\\n\\n#### Soil\\nDig.\\n\\n#### Water\\nTwice a week, 5 litres.",
        "#### 1. Soil\\nDig to 30", "#### Step 3", "##### 5", "a\\n#### 5 or 6", "#### 12:30",
        "#### 4\\nand that is it", "####", "#### \\\\boxed{4}", "#### 1.2.3", "#### 4,"}) {
    const Problem problem = first(fmt::format(R"({{"question":"q","answer":"{}"}})", answer));
    ASSERT_EQ(problem.messages.size(), 2u) << answer;
    EXPECT_FALSE(problem.messages[1].has_thinking) << answer;
    EXPECT_EQ(problem.gold, problem.messages[1].content) << answer;
    EXPECT_EQ(problem.messages[1].content.size(),
              parse_json("\"" + std::string(answer) + "\"")->text().size())
        << answer;
    EXPECT_EQ(problem.verifier, "") << answer;
  }
}

TEST(ProblemForms, F4NumbersKeepTheirDigitsAsGoldAndReply) {
  for (const char* digits :
       {"18446744073709551615", "18446744073709551616", "2361183241434822606848",
        "717897987691852588770249", "-717897987691852588770249", "-9223372036854775809",
        "15511210043330985984000000", "3.14159265358979323846264338", "2.50", "7", "-0.125"}) {
    const Problem problem = first(fmt::format(R"({{"question":"q","answer":{}}})", digits));
    EXPECT_EQ(problem.gold, digits);
    EXPECT_EQ(problem.messages.back().content, digits);
    auto numeric = *make_verifier("numeric");
    EXPECT_TRUE(numeric->check_gold(problem.gold)) << digits;
    EXPECT_EQ(numeric->check(digits, problem.gold), Verdict::right);
    EXPECT_EQ(numeric->check(std::string(digits) + "1", problem.gold), Verdict::wrong);
    EXPECT_EQ(
        shown(fmt::format(
            R"({{"messages":[{{"role":"user","content":{0}}}],"gold":{0},"verifier":"exact"}})",
            digits)),
        fmt::format("user: {0} | gold: {0} | verifier: exact", digits));
    EXPECT_EQ(
        shown(fmt::format(R"({{"instruction":"i","input":{0},"output":{0},"history":[[{0},{0}]]}})",
                          digits)),
        fmt::format("user: {0} | assistant: {0} | user: i\n{0} | assistant: {0}", digits));
    EXPECT_EQ(
        shown(fmt::format(R"({{"prompt":"p","reward_model":{{"ground_truth":{}}}}})", digits)),
        fmt::format("user: p | gold: {}", digits));
  }
}

TEST(ProblemForms, F5TextBeforeALoneClosingTagIsThinking) {
  const char* lone = R"({"messages":[{"role":"user","content":"q"},)"
                     R"({"role":"assistant","content":"I add.\n</think>\n\nIt is 1."}]})";
  const ProblemFile file = must_parse(std::string(lone) + "\n" + lone + "\n" + kGood);
  EXPECT_EQ(shown(file.problems[0]), "user: q | assistant: (I add.) It is 1.");
  EXPECT_EQ(file.notes.text(),
            "a reply has </think> without <think>: the text before it is read as thinking (2 rows, "
            "the first f:1)");
  // In every place that a reply can stand in.
  EXPECT_EQ(shown(R"({"question":"q","answer":"t</think>4"})"),
            "user: q | assistant: (t) 4 | gold: 4");
  EXPECT_EQ(shown(R"({"instruction":"q","output":"t</think>4"})"), "user: q | assistant: (t) 4");
  EXPECT_EQ(shown(R"({"prompt":"q","completion":"t</think>4"})"), "user: q | assistant: (t) 4");
  EXPECT_EQ(shown(R"({"prompt":"q","chosen":"t</think>4","rejected":"u</think>5"})"),
            "user: q | assistant: (t) 4 | rejected: 5");
  // The second tag is text; a tag before which thinking was opened later is none of this.
  EXPECT_EQ(shown(R"({"question":"q","answer":"t</think>a</think>b"})"),
            "user: q | assistant: (t) a</think>b | gold: a</think>b");
  for (const char* answer : {"<think>t</think>4", "say <think>t</think>4", "4"})
    EXPECT_EQ(must_parse(fmt::format(R"({{"question":"q","answer":"{}"}})", answer)).notes.rows(),
              0u)
        << answer;
}

TEST(ProblemForms, F10KeysOfTheTurnsDecideInAnyList) {
  for (const char* list : {"messages", "conversations", "conversation"})
    for (const char* role : {"role", "from"})
      for (const char* content : {"content", "value"})
        for (auto [user, assistant] : {std::pair("user", "assistant"), std::pair("human", "gpt"),
                                       std::pair("User", "Model")})
          EXPECT_EQ(shown(fmt::format(R"({{"{0}":[{{"{1}":"{3}","{2}":"a"}},)"
                                      R"({{"{1}":"{4}","{2}":"b"}}]}})",
                                      list, role, content, user, assistant)),
                    "user: a | assistant: b");
}

TEST(ProblemForms, F10PublishedFormsAreRead) {
  struct Case {
    const char *row, *format, *shown;
  };
  const Case cases[] = {
      // TRL: language modelling, prompt-completion, preference with and without a prompt, unpaired.
      {R"({"prompt":"The sky is","completion":" blue."})", "prompt",
       "user: The sky is | assistant:  blue."},
      {R"({"prompt":[{"role":"user","content":"What color is the sky?"}],)"
       R"("completion":[{"role":"assistant","content":"It is blue."}]})",
       "prompt", "user: What color is the sky? | assistant: It is blue."},
      {R"({"prompt":"The sky is","chosen":" blue.","rejected":" green."})", "preference",
       "user: The sky is | assistant:  blue. | rejected:  green."},
      {R"({"chosen":"The sky is blue.","rejected":"The sky is green."})", "preference",
       "user: The sky is | assistant: blue. | rejected: green."},
      {R"({"chosen":[{"role":"user","content":"Where?"},{"role":"assistant","content":"Here."}],)"
       R"("rejected":[{"role":"user","content":"Where?"},{"role":"assistant","content":"There."}]})",
       "preference", "user: Where? | assistant: Here. | rejected: There."},
      {R"({"prompt":"Where?","chosen":[{"role":"user","content":"Where?"},)"
       R"({"role":"assistant","content":"Here."}],"rejected":[{"role":"user","content":"Where?"},)"
       R"({"role":"assistant","content":"There."}]})",
       "preference", "user: Where? | assistant: Here. | rejected: There."},
      {R"({"chosen":[{"role":"system","content":"s"},{"role":"user","content":"a"},)"
       R"({"role":"assistant","content":"b"},{"role":"user","content":"c"},)"
       R"({"role":"assistant","content":"d"}],"rejected":[{"role":"system","content":"s"},)"
       R"({"role":"user","content":"a"},{"role":"assistant","content":"b"},)"
       R"({"role":"user","content":"c"},{"role":"assistant","content":"e"}]})",
       "preference", "system: s | user: a | assistant: b | user: c | assistant: d | rejected: e"},
      {R"({"prompt":"q","completion":"a","label":true})", "prompt", "user: q | assistant: a"},
      // TRL's GRPO examples: the gold is any column.
      {R"({"prompt":"q","answer":"so #### 4"})", "prompt",
       "user: q | assistant: (so) 4 | gold: 4 | verifier: numeric"},
      {R"({"prompt":[{"role":"user","content":"q"}],"answer":"4"})", "prompt",
       "user: q | assistant: 4 | gold: 4"},
      {R"({"prompt":[{"role":"system","content":"s"},{"role":"user","content":"q"}],)"
       R"("ground_truth":"4"})",
       "prompt", "system: s | user: q | gold: 4"},
      {R"({"prompt":"q","completion":"long","answer":"4"})", "prompt",
       "user: q | assistant: long | gold: 4"},
      // verl.
      {R"({"data_source":"openai/gsm8k","prompt":[{"role":"user","content":"q"}],"ability":"math",)"
       R"("reward_model":{"style":"rule","ground_truth":"72"},"extra_info":{"index":0}})",
       "prompt", "user: q | gold: 72"},
      // OpenAI: preferences, and reinforcement with a column to compare with.
      {R"({"input":{"messages":[{"role":"user","content":"q"}],"tools":[],)"
       R"("parallel_tool_calls":true},"preferred_output":[{"role":"assistant","content":"a"}],)"
       R"("non_preferred_output":[{"role":"assistant","content":"b"}]})",
       "preference", "user: q | assistant: a | rejected: b"},
      {R"({"messages":[{"role":"developer","content":"s"},{"role":"user","content":"q"}],)"
       R"("reference_answer":"4"})",
       "messages", "system: s | user: q | gold: 4"},
      // LLaMA-Factory: a pair beside alpaca and beside a conversation.
      {R"({"instruction":"q","input":"i","chosen":"a","rejected":"b"})", "preference",
       "user: q\ni | assistant: a | rejected: b"},
      {R"({"conversations":[{"from":"human","value":"q"}],"chosen":{"from":"gpt","value":"a"},)"
       R"("rejected":{"from":"gpt","value":"b"}})",
       "sharegpt", "user: q | assistant: a | rejected: b"},
      {R"({"instruction":"q","input":"","output":"a","kto_tag":true,"images":[]})", "alpaca",
       "user: q | assistant: a"},
      // axolotl and ms-swift.
      {R"({"system":"s","question":"q","chosen":"a","rejected":"b"})", "preference",
       "system: s | user: q | assistant: a | rejected: b"},
      {R"({"instruction":"q","chosen_response":"a","rejected_response":"b"})", "preference",
       "user: q | assistant: a | rejected: b"},
      {R"({"system":"","input":"q","chosen":"a","rejected":"b"})", "preference",
       "user: q | assistant: a | rejected: b"},
      {R"({"system_prompt":"s","question":"q","response":"a"})", "qa",
       "system: s | user: q | assistant: a"},
      {R"({"instruction":"q","input":"","response":"a"})", "alpaca", "user: q | assistant: a"},
      {R"({"prompt":"q","generation":"a"})", "prompt", "user: q | assistant: a"},
      {R"({"query":"q","response":"a","history":[["x","y"]]})", "qa",
       "user: x | assistant: y | user: q | assistant: a"},
      {R"({"messages":[{"role":"user","content":"q"},{"role":"assistant","content":"a"}],)"
       R"("rejected_response":"b"})",
       "messages", "user: q | assistant: a | rejected: b"},
      // hh-rlhf.
      {R"({"chosen":"\n\nHuman: q\n\nAssistant: r\n\nHuman: s\n\nAssistant: a",)"
       R"("rejected":"\n\nHuman: q\n\nAssistant: r\n\nHuman: s\n\nAssistant: b"})",
       "preference", "user: q | assistant: r | user: s | assistant: a | rejected: b"},
      // An export of a mixed set has every key in every row.
      {R"({"messages":null,"question":"q","answer":"4","chosen":null})", "qa",
       "user: q | assistant: 4 | gold: 4"},
  };
  for (const Case& c : cases) {
    const ProblemFile file = must_parse(c.row);
    EXPECT_STREQ(row_format_name(file.format), c.format) << c.row;
    ASSERT_EQ(file.problems.size(), 1u) << c.row;
    EXPECT_EQ(shown(file.problems[0]), c.shown) << c.row;
    EXPECT_EQ(shown(must_parse(c.row, {.format = c.format}).problems.at(0)), c.shown) << c.row;
  }
}

TEST(ProblemForms, F10OtherFormsAreRefusedWithTheirKeysAndTheKnownForms) {
  for (auto [row, part] : std::initializer_list<std::pair<const char*, const char*>>{
           {R"({"text":"The sky is blue."})", "(text) belong to no known format"},
           {R"({"text":"The sky is blue."})", "plain text is read by weir train"},
           {R"({"prompt":"p","completions":["a"],"labels":[true]})", "steps with labels"},
           {R"({"input_ids":[1],"labels":[1]})", "tokens already"},
           {R"({"segments":[{"label":true,"text":"a"}]})", "segments with labels"},
           {R"({"version":1,"data":[{"question":"q"}]})", "if 'data' is the list of rows"},
           {R"({"message_1":"a","message_2":"b"})", "a row needs 'messages', 'conversations'"},
           {R"({"article":"a","summary":"b"})", "'prompt' with 'completion' or a gold"}})
    EXPECT_NE(error_of(row).find(part), std::string::npos) << row << "\n" << error_of(row);
}

TEST(ProblemForms, F11OddRowsAreLeftOutCountedAndTheFirstIsNamed) {
  auto turns = [](const std::string& list) { return "{\"conversations\":[" + list + "]}"; };
  const std::string human = R"({"from":"human","value":"h"})",
                    gpt = R"({"from":"gpt","value":"g"})";
  const std::pair<std::string, const char*> cases[] = {
      {turns(gpt + "," + human + "," + gpt), "a conversation that begins with the assistant"},
      {turns(human + "," + human + "," + gpt), "two messages of the user in a row"},
      {turns(human + "," + gpt + "," + gpt), "two messages of the assistant in a row"},
      {turns(human + R"(,{"from":"system","value":"s"},)" + gpt),
       "a system message that is not the first"},
      {turns(""), "a conversation without a message of the user"},
      {turns(R"({"from":"system","value":"s"})"), "a conversation without a message of the user"},
      {turns(human + R"(,{"from":"gpt","value":null})"), "an empty message of role 'assistant'"},
      {turns(human + R"(,{"from":"gpt"})"), "an empty message of role 'assistant'"},
      {turns(human + R"(,{"from":"gpt","value":"<think>Let me"})"),
       "thinking that is not closed with </think>"},
      {turns(human + R"(,{"from":"gpt","value":null,"function_call":{"name":"w"}})"),
       "a message with tool calls"},
      {turns(R"({"from":"Narrator","value":"n"},)" + gpt),
       "a message of role 'Narrator', which is none of system, user (human) and assistant (gpt)"},
      {R"({"instruction":"i","input":null,"output":null})", "'output' is null"},
      {R"({"instruction":"i","output":""})", "'output' is empty"},
      {R"({"question":"q","answer":null})", "'answer' is null"},
      {R"({"question":" ","answer":"a"})", "'question' is empty"},
      {R"({"prompt":"p","completion":"c","label":false})",
       "a reply marked as bad ('label' is false)"},
      {R"({"prompt":"p","chosen":"c","rejected":"c"})", "a pair of the same reply twice"},
      {R"({"prompt":"p","chosen":"c","rejected":null})", "'rejected' is null"},
      {R"({"chosen":[{"role":"user","content":"a"},{"role":"assistant","content":"b"},)"
       R"({"role":"user","content":"c"},{"role":"assistant","content":"d"}],)"
       R"("rejected":[{"role":"user","content":"a"},{"role":"assistant","content":"x"},)"
       R"({"role":"user","content":"c"},{"role":"assistant","content":"e"}]})",
       "a pair that differs before its last reply"},
      {R"({"chosen":"Yes.","rejected":"No."})",
       "a pair without 'prompt' whose texts do not begin alike"},
      {R"({"instruction":"i","output":"o","images":["a.png"]})",
       "a row with pictures, films or sound"},
  };
  for (const auto& [row, reason] : cases) {
    const ProblemFile file = must_parse(kGood + "\n" + row + "\n" + row + "\n" + kGood);
    EXPECT_EQ(file.problems.size(), 2u) << row;
    EXPECT_EQ(file.rows, 4u);
    EXPECT_EQ(file.left_out.text(), std::string(reason) + " (2 rows, the first f:2)") << row;
  }
}

TEST(ProblemForms, F11BrokenRowsAreSkippedOnlyWhenAsked) {
  for (const char* row : {"{", "[1]", "{\"question\":1", R"({"messages":[1]})", R"({"x":1})",
                          R"({"question":"q","answer":[]})", "{\"a\xff\":1}"}) {
    const std::string bytes = kGood + "\n" + row + "\n" + kGood;
    EXPECT_TRUE(error_of(bytes).starts_with("f:2: ")) << error_of(bytes);
    EXPECT_TRUE(error_of(bytes).ends_with("correct the row, or set skip_bad_rows: true"));
    const ProblemFile file = must_parse(bytes, {.skip_bad_rows = true});
    EXPECT_EQ(file.problems.size(), 2u);
    EXPECT_EQ(file.left_out.rows(), 1u);
    EXPECT_TRUE(file.left_out.text().starts_with("broken: ")) << file.left_out.text();
  }
}

TEST(ProblemForms, F11ReasonsBeyondTwentyAreCountedTogether) {
  RowCounts counts;
  for (int i = 0; i < 100; ++i) counts.add("reason " + std::to_string(i), "f");
  EXPECT_EQ(counts.rows(), 100u);
  ASSERT_EQ(counts.list().size(), 21u);
  EXPECT_EQ(counts.list().back().what, "others");
  EXPECT_EQ(counts.list().back().rows, 80u);
}

TEST(ProblemForms, F12ColumnsOfOtherPeoplesSetsRefuseNothing) {
  struct Case {
    const char* value;
    int difficulty;
    const char* note;
  };
  for (const Case& c :
       {Case{"null", 0, ""}, Case{"3", 3, ""}, Case{"\"3\"", 3, ""}, Case{"4.0", 4, ""},
        Case{"3.5", 4, "'difficulty' with a fraction is rounded to a whole number (f:1)"},
        Case{"\"easy\"", 0, "'difficulty' (easy) is no number and ignored (f:1)"},
        Case{"-1", 0, "'difficulty' outside 0 to 1000000 is ignored (f:1)"},
        Case{"1e300", 0, "'difficulty' outside 0 to 1000000 is ignored (f:1)"},
        Case{"{\"a\":1}", 0, "'difficulty' (no number) is no number and ignored (f:1)"}}) {
    const ProblemFile file =
        must_parse(fmt::format(R"({{"problem":"p","answer":"1","difficulty":{}}})", c.value));
    EXPECT_EQ(file.problems.at(0).difficulty, c.difficulty) << c.value;
    EXPECT_EQ(file.notes.text(), c.note) << c.value;
  }
  auto language = [](const char* value) {
    return must_parse(fmt::format(R"({{"problem":"p","answer":"1","language":{}}})", value));
  };
  for (const char* name : {"\"en\"", "\"English\"", "\"en-US\"", "\"EN\""})
    EXPECT_EQ(language(name).problems.at(0).language, "en") << name;
  for (const char* name : {"\"zh\"", "\"Chinese\"", "\"zh_CN\"", "\"中文\""})
    EXPECT_EQ(language(name).problems.at(0).language, "zh") << name;
  EXPECT_EQ(language("\"fr\"").problems.at(0).language, "fr");
  for (const char* name : {"\"python\"", "\"C++\"", "3", "[\"en\"]"}) {
    EXPECT_EQ(language(name).problems.at(0).language, "") << name;
    EXPECT_EQ(language(name).notes.rows(), 1u) << name;
  }
  EXPECT_EQ(language("null").notes.rows(), 0u);
}

TEST(ProblemForms, ColumnsThatAreNotReadAreListed) {
  const ProblemFile file =
      must_parse(R"({"question":"q","context":"c","answer":"a","id":1,"source":null})"
                 "\n" +
                 kGood + "\n" + R"({"question":"q","answer":"a","id":2})");
  EXPECT_EQ(file.unread.text(), "context (f:1); id (2 rows, the first f:1)");
}

TEST(ProblemForms, F15AnArrayIsReadRowByRow) {
  // More values than a document of JSON may have, in rows that have few.
  const size_t rows = 8400, values_per_row = 1000;
  static_assert(rows * values_per_row > JsonLimits{}.values);
  std::string filler = ",\"x\":[0";
  for (size_t i = 4; i < values_per_row; ++i) filler += ",0";
  std::string bytes = "[";
  for (size_t i = 0; i < rows; ++i)
    bytes += fmt::format("{}{{\"question\":\"{}+1?\",\"answer\":{}{}]}}", i == 0 ? "" : ",\n", i,
                         i + 1, filler);
  const ProblemFile file = must_parse(bytes + "]");
  EXPECT_EQ(file.rows, rows);
  ASSERT_EQ(file.problems.size(), rows);
  EXPECT_EQ(file.problems.back().gold, std::to_string(rows));
  EXPECT_EQ(file.problems.back().place, fmt::format("f: row {}", rows));
  EXPECT_TRUE(error_of("[" + kGood + ",\n" + kGood + ",").starts_with("f: line 2, column "));
  // One row has the limits of a line.
  std::string wide = "[{\"question\":\"q\",\"answer\":\"a\",\"x\":[0";
  for (int i = 0; i < 100'000; ++i) wide += ",0";
  EXPECT_NE(error_of(wide + "]}]").find("more than 100000 values"), std::string::npos);
  EXPECT_NE(error_of("[[" + std::string(1000, '[')).find("nested deeper than 32"),
            std::string::npos);
}

TEST(ProblemForms, F17EncodingsAreNamedWithTheRemedy) {
  const std::string utf8 = "{\"question\":\"中国的首都是哪里？\",\"answer\":\"北京\"}\n";
  // The same line as iconv writes it.
  const std::string gbk =
      "{\"question\":\"\xd6\xd0\xb9\xfa\xb5\xc4\xca\xd7\xb6\xbc\xca\xc7\xc4\xc4\xc0\xef\xa3\xbf\","
      "\"answer\":\"\xb1\xb1\xbe\xa9\"}\n";
  auto utf16 = [](const std::string& ascii, bool is_little, bool has_mark) {
    std::string bytes = !has_mark ? "" : is_little ? "\xff\xfe" : "\xfe\xff";
    for (char c : ascii) bytes += is_little ? std::string{c, '\0'} : std::string{'\0', c};
    return bytes;
  };
  EXPECT_EQ(must_parse(utf8).problems.size(), 1u);
  EXPECT_NE(
      error_of(gbk).find("f:1: not valid UTF-8, probably GBK (GB 18030); convert it to UTF-8: "
                         "iconv -f GB18030 -t UTF-8 'f'"),
      std::string::npos)
      << error_of(gbk);
  EXPECT_NE(error_of("[" + gbk + "]").find("probably GBK"), std::string::npos);
  for (bool is_little : {true, false})
    for (bool has_mark : {true, false}) {
      const char* name = is_little ? "iconv -f UTF-16LE" : "iconv -f UTF-16BE";
      for (const std::string& text : {kGood + "\n", "[" + kGood + "]"}) {
        const std::string error = error_of(utf16(text, is_little, has_mark));
        EXPECT_NE(error.find(name), std::string::npos) << error;
      }
    }
  EXPECT_NE(error_of("{\"question\":\"caf\xe9?\",\"answer\":\"d\xe9j\xe0\"}").find("Windows-1252"),
            std::string::npos);
  // One damaged character in a file of UTF-8 is that row's fault.
  const std::string damaged = utf8 + utf8 + "{\"question\":\"q\xe4\",\"answer\":\"a\"}\n";
  EXPECT_TRUE(error_of(damaged).starts_with("f:3: not a JSON object (")) << error_of(damaged);
}

TEST(ProblemForms, FilesOfAnotherKindAreNamed) {
  for (auto [bytes, part] : std::initializer_list<std::pair<std::string_view, const char*>>{
           {"PAR1\x15\x04",
            "a Parquet file; convert it with Python: import pandas; "
            "pandas.read_parquet('f').to_json('rows.jsonl'"},
           {"\x1f\x8b\x08", "packed with gzip; unpack it: gunzip 'f'"},
           {"PK\x03\x04", "a ZIP archive or a spreadsheet; rows are JSON lines"},
           {"version https://git-lfs.github.com/spec/v1", "git lfs pull"},
           {"question,answer\na,b\n", "if it is a table, convert it with Python: import pandas"},
           {"question\tanswer\na\tb\n", "pandas.read_csv(FILE, sep='\\t')"},
           {"// rows\n", "the file begins with '// rows', but rows are one JSON object a line"},
           {"[{\"question\":\"a\",", "the file may have been cut short"},
           {"{\"question\":\"a\",\"answer\":\"b\"}\n{\"question\":\"a", "may have been cut short"},
           {"{\"a\":1}\r{\"a\":2}\r", "the lines end with CR alone"},
           {"{\n  \"question\": \"a\"\n}\n", "each object must stand on one line: jq -c"},
           {"{'question': 'a'}", "JSON has double quotes"},
           {"{\"question\":\"a\",\"answer\":NaN}", "JSON has no NaN"},
           {"{\"question\":\"a\",\"answer\":\"b\"},\n", "rows have no comma behind them"}})
    EXPECT_NE(error_of(bytes).find(part), std::string::npos) << error_of(bytes);
}

}  // namespace
}  // namespace weir
