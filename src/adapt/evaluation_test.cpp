#include "adapt/evaluation.h"

#include <gtest/gtest.h>

namespace weir {
namespace {

FoundChunk chunk(int64_t id, std::string text) {
  FoundChunk c;
  c.chunk = id;
  c.document = "pumps.md";
  c.text = std::move(text);
  return c;
}

EvaluationCase valve(bool is_answerable) {
  EvaluationCase c;
  c.question = "At which pressure does the valve of line 2 open?";
  c.language = "en";
  c.expected = is_answerable ? "The valve of line 2 opens at 6 bar." : "";
  c.chunk = 7;
  c.score = 0.9;
  c.sources = {chunk(5, "The pump of line 4 is made by Marlow of Leeds.")};
  if (is_answerable) c.sources.push_back(chunk(7, "The valve of line 2 opens at 6 bar."));
  return c;
}

CaseAnswer answer(Arm arm, const EvaluationCase& c, const std::string& reply,
                  Calibration calibration = {}) {
  std::vector<CaseAnswer> answers;
  const AskModel ask =
      [&](std::span<const Ask> asked) -> Result<std::optional<std::vector<AskReply>>> {
    EXPECT_EQ(asked.size(), 1u);
    EXPECT_EQ(asked[0].base_alone, !uses_adapter(arm));
    EXPECT_EQ(asked[0].text.find("<source 1>") != std::string::npos, uses_knowledge(arm));
    return std::optional(std::vector<AskReply>{{reply}});
  };
  const auto done = answer_cases(arm, {&c, 1}, calibration, ask, answers);
  EXPECT_TRUE(done && *done);
  return answers.at(0);
}

TEST(BotEvaluation, RightAnswersAreCited) {
  const CaseAnswer a =
      answer(Arm::adapted_knowledge, valve(true), "The valve of line 2 opens at 6 bar. [2]");
  EXPECT_FALSE(a.is_refused);
  EXPECT_TRUE(a.is_right);
  ASSERT_EQ(a.citations.size(), 1u);
  EXPECT_EQ(a.citations[0].chunk, 7);
  EXPECT_TRUE(a.citations[0].is_right && a.citations[0].states);
}

TEST(BotEvaluation, WhatNoSourceSaysIsRefused) {
  const CaseAnswer a =
      answer(Arm::base_knowledge, valve(true), "The valve of line 2 opens at 9 bar. [2]");
  EXPECT_TRUE(a.is_refused);
  EXPECT_FALSE(a.is_right);
  EXPECT_TRUE(a.citations.empty());
}

TEST(BotEvaluation, SupportedButNotAskedForIsWrong) {
  const CaseAnswer a = answer(Arm::base_knowledge, valve(true),
                              "The pump of line 4 is made by Marlow of Leeds. [1]");
  EXPECT_FALSE(a.is_refused);
  EXPECT_FALSE(a.is_right);
  ASSERT_EQ(a.citations.size(), 1u);
  EXPECT_FALSE(a.citations[0].is_right || a.citations[0].states);
}

TEST(BotEvaluation, AnotherPlaceOfTheRightDocumentIsCitedRightly) {
  EvaluationCase c = valve(true);
  const std::string reply = "The pump of line 4 is made by Marlow of Leeds. [1]";
  EXPECT_FALSE(judge_reply({Arm::base_knowledge}, c, reply, {}).citations.at(0).is_right);
  c.document = "pumps.md";
  const Citation citation = judge_reply({Arm::base_knowledge}, c, reply, {}).citations.at(0);
  EXPECT_TRUE(citation.is_right);
  EXPECT_FALSE(citation.states);
}

TEST(BotEvaluation, UnanswerableQuestionsWantARefusal) {
  EXPECT_TRUE(answer(Arm::adapted_knowledge, valve(false), "NO ANSWER").is_right);
  EXPECT_FALSE(answer(Arm::adapted_knowledge, valve(false),
                      "The pump of line 4 is made by Marlow of Leeds. [1]")
                   .is_right);
}

TEST(BotEvaluation, ScoresBelowTheThresholdAreRefused) {
  Calibration calibration;
  calibration.threshold = 0.95;
  EXPECT_TRUE(answer(Arm::adapted_knowledge, valve(true), "The valve of line 2 opens at 6 bar. [2]",
                     calibration)
                  .is_refused);
  // Without documents there is no score.
  EXPECT_TRUE(answer(Arm::base, valve(true), "It opens at 6 bar.", calibration).is_right);
}

TEST(BotEvaluation, OneReplyIsJudgedInEveryWay) {
  EvaluationCase c = valve(true);
  c.passages = {
      {.chunk = 1, .chunk_id = 7, .text = "The valve of line 2 opens at 6 bar.", .score = 1}};
  const Way plain{Arm::base_knowledge}, fallback{Arm::base_knowledge, Quotes::fallback},
      beside{Arm::base_knowledge, Quotes::beside},
      alone{Arm::base_knowledge, Quotes::fallback, true};
  EXPECT_TRUE(judge_reply(plain, c, "NO ANSWER", {}).is_refused);
  EXPECT_TRUE(judge_reply(fallback, c, "NO ANSWER", {}).is_right);
  const std::string wrong = "The pump of line 4 is made by Marlow of Leeds. [1]";
  EXPECT_FALSE(judge_reply(fallback, c, wrong, {}).is_right);
  const CaseAnswer both = judge_reply(beside, c, wrong, {});
  EXPECT_TRUE(both.is_right);
  ASSERT_EQ(both.citations.size(), 2u);
  EXPECT_FALSE(both.citations[0].is_right);
  EXPECT_TRUE(both.citations[1].is_right);
  EXPECT_EQ(both.reply, wrong);
  EXPECT_EQ(judge_reply(alone, c, wrong, {}).text, "The valve of line 2 opens at 6 bar.");
  for (const Way& way : kWays) EXPECT_EQ(way_name(way_named(way_name(way))), way_name(way));
}

TEST(BotEvaluation, TheDocumentsOwnWordsAreRight) {
  EvaluationCase c = valve(true);
  c.question = "Is line 2 ever opened?";
  c.expected = "yes";
  EXPECT_FALSE(judge_reply({Arm::base_knowledge}, c, "The valve of line 2 opens at 6 bar. [2]", {})
                   .is_right);
  c.evidence = "valve of line 2 opens at 6 bar";
  EXPECT_TRUE(judge_reply({Arm::base_knowledge}, c, "The valve of line 2 opens at 6 bar. [2]", {})
                  .is_right);
}

TEST(BotEvaluation, AThresholdCountsWhatIsAnsweredAllTheSame) {
  // Nineteen questions without an answer of scores 0.01 to 0.19; the model refuses the even ones.
  std::vector<EvaluationCase> cases;
  std::vector<CaseAnswer> answers;
  for (int i = 1; i <= 19; ++i) {
    cases.push_back(valve(false));
    cases.back().score = i / 100.;
    answers.push_back({.is_refused = i % 2 == 0});
  }
  // At 0.1 the eighteenth of twenty: nine are refused, the ninth of the ten others scores 0.17.
  const auto threshold = threshold_of(cases, answers, 0.1);
  ASSERT_TRUE(threshold);
  EXPECT_GT(*threshold, 0.17);
  EXPECT_LT(*threshold, 0.1701);
  // At 0.6 the eighth: the model alone refuses more.
  EXPECT_EQ(threshold_of(cases, answers, 0.6), 0.);
  EXPECT_FALSE(threshold_of(cases, answers, 0.04));
  // Questions with an answer do not count.
  cases.push_back(valve(true));
  answers.push_back({});
  EXPECT_EQ(threshold_of(cases, answers, 0.1), threshold);
}

TEST(BotEvaluation, ArmsAreCounted) {
  const std::vector<EvaluationCase> cases = {valve(true), valve(true), valve(false)};
  const std::vector<CaseAnswer> answers = {
      {.text = "a", .is_right = true, .citations = {{.is_right = true}, {}}},
      {.is_refused = true},
      {.is_refused = true, .is_right = true}};
  const ArmScore score = score_arm(cases, answers);
  EXPECT_EQ(score.answerable, 2);
  EXPECT_EQ(score.right, 1);
  EXPECT_EQ(score.refused_wrongly, 1);
  EXPECT_EQ(score.unanswerable, 1);
  EXPECT_EQ(score.refused_rightly, 1);
  EXPECT_EQ(score.cited, 2);
  EXPECT_EQ(score.cited_rightly, 1);
  EXPECT_EQ(score.cited_stating, 0);
  EXPECT_EQ(score.with_right_citation, 1);
}

TEST(BotEvaluation, TheBotThatAnswersMoreRightlyIsKept) {
  const ArmScore refuses_all{
      .answerable = 10, .refused_wrongly = 10, .unanswerable = 10, .refused_rightly = 10};
  const ArmScore answers_some{
      .answerable = 10, .right = 2, .unanswerable = 10, .refused_rightly = 9};
  EXPECT_FALSE(answers_more(refuses_all, answers_some));
  EXPECT_TRUE(answers_more(answers_some, refuses_all));
  EXPECT_FALSE(answers_more(answers_some, answers_some));  // as good is no reason for an adapter
  CaseAnswer answer{.text = "a", .is_right = true, .citations = {{}}};
  refuse(valve(true), answer);
  EXPECT_TRUE(answer.is_refused && !answer.is_right && answer.text.empty() &&
              answer.citations.empty());
}

}  // namespace
}  // namespace weir
