#include "adapt/answer_score.h"

#include <gtest/gtest.h>

namespace weir {
namespace {

TEST(AnswerScore, IsRightWithTheKeyWords) {
  const char* question = "How long are backups kept?";
  const char* expected = "Backups are kept for 14 days unless keep_days says otherwise.";
  EXPECT_TRUE(
      score_answer("They are kept 14 days, unless keep_days says otherwise.", expected, question)
          .is_right);
  EXPECT_FALSE(score_answer("Backups are kept for a long time.", expected, question).is_right);
  EXPECT_FALSE(score_answer("", expected, question).is_right);
}

TEST(AnswerScore, NeedsTheNumbers) {
  const AnswerScore wrong = score_answer("The limit is 20 connections.",
                                         "The limit is 10 connections.", "What is the limit?");
  EXPECT_FALSE(wrong.has_numbers);
  EXPECT_FALSE(wrong.is_right);
  EXPECT_TRUE(score_answer("1000 rows.", "1,000 rows", "How many?").is_right);
  EXPECT_TRUE(score_answer("10 GB are enough.", "10 GB.", "How much?").is_right);
  EXPECT_FALSE(score_answer("1.50", "1.5 and 3", "Which?").is_right);
}

TEST(AnswerScore, DoesNotCountWhatTheQuestionTells) {
  // The answer repeats the question and says nothing.
  EXPECT_FALSE(score_answer("The pump of line 4 is made by a maker.",
                            "The pump of line 4 is made by Marlow.",
                            "Who makes the pump of line 4?")
                   .is_right);
}

TEST(AnswerScore, OfChineseAnswers) {
  EXPECT_TRUE(score_answer("在 /etc/apt/sources.list 文件里。", "/etc/apt/sources.list",
                           "软件源列表在哪里？")
                  .is_right);
  EXPECT_FALSE(
      score_answer("在数据库里。", "/etc/apt/sources.list", "软件源列表在哪里？").is_right);
}

TEST(AnswerScore, AQuotedSentenceStatesItsEvidence) {
  const std::string evidence = "reading never blocks writing and writing never blocks reading";
  EXPECT_TRUE(states_evidence(
      "The main advantage is that reading never blocks writing and writing never blocks reading.",
      evidence));
  EXPECT_FALSE(states_evidence("Writing blocks nothing.", evidence));
  EXPECT_FALSE(states_evidence("Anything", ""));
}

}  // namespace
}  // namespace weir
