#include "adapt/made_question.h"

#include <gtest/gtest.h>

#include <map>

namespace weir {
namespace {

MadeQuestion made(std::string question, std::string answer) {
  MadeQuestion q;
  q.question = std::move(question);
  q.answer = std::move(answer);
  return q;
}

TEST(MadeQuestion, IsReadAsItWasWritten) {
  MadeQuestion q = made("What is it?", "A thing.");
  q.document = "a/b.md";
  q.chunk = 12;
  q.sentence = 3;
  q.language = "en";
  const auto read = parse_question(*parse_json(question_json(q).dump()));
  ASSERT_TRUE(read) << read.error().message;
  EXPECT_EQ(question_json(*read).dump(), question_json(q).dump());
  EXPECT_FALSE(parse_question(*parse_json("{\"question\": \"x\"}")));
}

TEST(MadeQuestion, HasNoFault) {
  const char* answer = "The default of keep_days is 14 days.";
  EXPECT_EQ(question_fault(made("How many days is a backup kept by default?", answer), ""), "");
  EXPECT_EQ(question_fault(made("备份默认保留多少天？", "默认情况下，备份保留十四天。"), ""), "");
  // Of the heading alone.
  EXPECT_EQ(question_fault(made("For how long are backups there?", answer), "Backups"), "");
}

TEST(MadeQuestion, WithAFault) {
  const char* answer = "The default of keep_days is 14 days.";
  EXPECT_EQ(question_fault(made("Why?", answer), ""), "too short or too long");
  EXPECT_EQ(question_fault(made("Tell me about the days.", answer), ""), "no question");
  EXPECT_EQ(question_fault(made("What does this sentence say of days?", answer), ""),
            "speaks of the text");
  EXPECT_EQ(question_fault(made("Which colour has the house?", answer), ""),
            "names nothing that it is about");
  EXPECT_EQ(question_fault(made("Is the default of keep_days 14 days?", answer), ""),
            "holds its answer");
}

TEST(MadeQuestion, NearQuestionsLeave) {
  std::vector<MadeQuestion> questions = {
      made("What is the default value of keep_days?", ""), made("Who makes the pump?", ""),
      made("What is the default value of the keep_days?", ""), made("Who makes the valve?", "")};
  EXPECT_EQ(drop_near_questions(questions), 1);
  ASSERT_EQ(questions.size(), 3u);
  EXPECT_EQ(questions[1].question, "Who makes the pump?");
  EXPECT_EQ(questions[2].question, "Who makes the valve?");
}

TEST(MadeQuestion, SplitsOfDocumentsDoNotDependOnOthers) {
  std::map<QuestionUse, int> counts;
  for (int i = 0; i < 2000; ++i) {
    const std::string name = "docs/page" + std::to_string(i) + ".html";
    const QuestionUse use = use_of(name, 0, false, {.calibration = 0.1, .evaluation = 0.2});
    ++counts[use];
    EXPECT_EQ(use, use_of(name, 99, false, {.calibration = 0.1, .evaluation = 0.2}));
  }
  EXPECT_NEAR(counts[QuestionUse::evaluation], 400, 70);
  EXPECT_NEAR(counts[QuestionUse::calibration], 200, 60);
}

TEST(MadeQuestion, PartsOfOneDocumentAreSplit) {
  std::map<QuestionUse, int> counts;
  for (int chunk = 0; chunk < 2000 * kPartChunks; chunk += kPartChunks) {
    const QuestionUse use = use_of("manual.pdf", chunk, true, {});
    ++counts[use];
    EXPECT_EQ(use, use_of("manual.pdf", chunk + kPartChunks - 1, true, {}));
  }
  EXPECT_NEAR(counts[QuestionUse::evaluation], 300, 70);
  EXPECT_NEAR(counts[QuestionUse::calibration], 300, 70);
}

}  // namespace
}  // namespace weir
