#include "adapt/synthesis.h"

#include <gtest/gtest.h>

namespace weir {
namespace {

const ChunkToAsk kChunk = {
    .id = 7,
    .document = "pumps.md",
    .heading = "Pumps",
    .text = "The pump of line 4 is made by Marlow of Leeds. The valve of line 2 opens at 6 bar."};

// Answers the questions about questions from a list, then those of the second look.
struct FakeModel {
  std::vector<std::string> questions, numbers;
  std::vector<Ask> seen = {};
  bool is_stopped = false;
  AskModel function() {
    return [this](std::span<const Ask> asked) -> Result<std::optional<std::vector<AskReply>>> {
      if (is_stopped) return std::optional<std::vector<AskReply>>();
      std::vector<std::string>& from = questions.empty() ? numbers : questions;
      std::vector<AskReply> replies;
      for (size_t i = 0; i < asked.size(); ++i) {
        seen.push_back(asked[i]);
        replies.push_back({from.at(i)});
      }
      from.clear();
      return std::optional(std::move(replies));
    };
  }
};

FindChunks finds(std::vector<int64_t> chunks) {
  return [chunks](const std::string&) -> Result<std::vector<int64_t>> { return chunks; };
}

ChunkQuestions make(FakeModel model, std::vector<int64_t> found) {
  const auto made = make_questions({&kChunk, 1}, {}, model.function(), finds(found));
  EXPECT_TRUE(made && *made) << (made ? "stopped" : made.error().message);
  return (**made)[0];
}

// The sentence about the pump comes second: the one with more numbers is first.
const std::vector<std::string> kGood = {"At which pressure does the valve of line 2 open?",
                                        "Which company makes the pump of line 4?"};

TEST(Synthesis, KeepsWhatAllAgreeOn) {
  const ChunkQuestions made = make({kGood, {"2", "1"}}, {3, 7});
  ASSERT_EQ(made.questions.size(), 2u);
  EXPECT_EQ(made.questions[0].answer, "The valve of line 2 opens at 6 bar.");
  EXPECT_EQ(made.questions[0].sentence, 1);
  EXPECT_EQ(made.questions[0].chunk, 7);
  EXPECT_EQ(made.questions[0].language, "en");
  EXPECT_TRUE(made.dropped.empty());
}

TEST(Synthesis, DropsWhatTheSecondLookAnswersOtherwise) {
  const ChunkQuestions made = make({kGood, {"2", "2"}}, {7});
  EXPECT_EQ(made.questions.size(), 1u);
  EXPECT_EQ(made.dropped.at("another sentence answers it"), 1);
}

TEST(Synthesis, DropsWhatASearchDoesNotFind) {
  const ChunkQuestions made = make({kGood, {"2", "1"}}, {1, 2, 3, 4, 5, 7});
  EXPECT_TRUE(made.questions.empty());
  EXPECT_EQ(made.dropped.at("a search does not find its chunk"), 2);
}

TEST(Synthesis, DropsFaultyQuestionsBeforeTheSecondLook) {
  const ChunkQuestions made = make({{"What is it?", kGood[1]}, {"1"}}, {7});
  EXPECT_EQ(made.questions.size(), 1u);
  EXPECT_EQ(made.dropped.size(), 1u);
}

TEST(Synthesis, StopsWithoutAnything) {
  FakeModel model{kGood, {"2", "1"}};
  model.is_stopped = true;
  const auto made = make_questions({&kChunk, 1}, {}, model.function(), finds({7}));
  ASSERT_TRUE(made);
  EXPECT_FALSE(made->has_value());
}

TEST(Synthesis, LinesAreReadAsTheyWereWritten) {
  ChunkQuestions made = make({kGood, {"2", "2"}}, {7});
  const auto read = parse_chunk_questions(*parse_json(chunk_questions_json(made).dump()));
  ASSERT_TRUE(read) << read.error().message;
  EXPECT_EQ(chunk_questions_json(*read).dump(), chunk_questions_json(made).dump());
}

TEST(Synthesis, AsksInTheLanguageOfTheChunk) {
  ChunkToAsk chunk = kChunk;
  chunk.text = "四号线的水泵由马洛公司制造。";
  EXPECT_NE(question_prompt(chunk, chunk.text).text.find("请写一个"), std::string::npos);
  EXPECT_NE(question_prompt(kChunk, kChunk.text).text.find("Write one question"),
            std::string::npos);
}

}  // namespace
}  // namespace weir
