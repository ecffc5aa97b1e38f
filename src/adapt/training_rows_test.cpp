#include "adapt/training_rows.h"

#include <gtest/gtest.h>

#include <set>

namespace weir {
namespace {

FoundChunk found_chunk(int64_t id, std::string text) {
  FoundChunk c;
  c.chunk = id;
  c.text = std::move(text);
  return c;
}

MadeQuestion question(std::string text) {
  MadeQuestion q;
  q.question = std::move(text);
  q.answer = "The valve of line 2 opens at 6 bar.";
  q.chunk = 7;
  return q;
}

SearchChunks finds(std::vector<FoundChunk> chunks) {
  return [chunks](const std::string&, int count) -> Result<std::vector<FoundChunk>> {
    std::vector<FoundChunk> out = chunks;
    if (out.size() > size_t(count)) out.resize(size_t(count));
    return out;
  };
}

const std::vector<FoundChunk> kFound = {
    found_chunk(3, "Valves are checked every year."),
    found_chunk(4, "As said, the valve of line 2 opens at 6 bar."),
    found_chunk(5, "The valve of line 3 opens at 8 bar."),
    found_chunk(7, "The valve of line 2 opens at 6 bar."),
    found_chunk(8, "Lines have numbers."),
};
const MadeQuestion kQuestion = question("When does the valve of line 2 open?");

TEST(TrainingRows, ShowTheAnswerOnce) {
  const auto made = choose_sources(kQuestion, true, {}, finds(kFound));
  ASSERT_TRUE(made) << made.error().message;
  ASSERT_EQ(made->sources.size(), 3u);
  ASSERT_GE(made->right, 0);
  EXPECT_EQ(made->sources[size_t(made->right)].chunk, 7);
  for (const FoundChunk& source : made->sources) EXPECT_NE(source.chunk, 4);
}

TEST(TrainingRows, ShowNoAnswer) {
  const auto made = choose_sources(kQuestion, false, {}, finds(kFound));
  ASSERT_TRUE(made) << made.error().message;
  EXPECT_EQ(made->right, -1);
  std::set<int64_t> chunks;
  for (const FoundChunk& source : made->sources) chunks.insert(source.chunk);
  EXPECT_EQ(chunks, (std::set<int64_t>{3, 5, 8}));
}

TEST(TrainingRows, NeighboursAreHiddenWithTheAnswer) {
  std::vector<FoundChunk> found = kFound;
  for (size_t i = 0; i < found.size(); ++i) {
    found[i].document_id = i == 0 ? 2 : 1;
    found[i].ordinal = int(i) * 10;
  }
  // 7 is the fourth, at 30: 5 and 8 stand within 16 of it.
  const auto made = choose_sources(kQuestion, false, {}, finds(found));
  ASSERT_TRUE(made) << made.error().message;
  ASSERT_EQ(made->sources.size(), 1u);
  EXPECT_EQ(made->sources[0].chunk, 3);
}

TEST(TrainingRows, SourcesAreCutDownButKeepTheAnswer) {
  std::vector<FoundChunk> found = kFound;
  found[3].text = "Pumps are old. Pipes are new. Paint is blue. Walls are high. Doors are shut. " +
                  kQuestion.answer;
  const WeighWords weigh = [](const std::string& text) -> Result<std::vector<WeighedWord>> {
    std::vector<WeighedWord> words;
    for (Word& word : query_words(text)) words.push_back({std::move(word), 1, 1});
    return words;
  };
  const auto made = choose_sources(kQuestion, true, {}, finds(found), weigh);
  ASSERT_TRUE(made) << made.error().message;
  ASSERT_GE(made->right, 0);
  const std::string& text = made->sources[size_t(made->right)].text;
  EXPECT_NE(text.find(kQuestion.answer), std::string::npos);
  EXPECT_LT(text.size(), found[3].text.size());
  EXPECT_FALSE(made->passages.empty());
}

TEST(TrainingRows, MayKeepTheOrderOfTheSearch) {
  const auto made = choose_sources(kQuestion, true, {.is_shuffled = false}, finds(kFound));
  ASSERT_TRUE(made) << made.error().message;
  std::vector<int64_t> chunks;
  for (const FoundChunk& source : made->sources) chunks.push_back(source.chunk);
  EXPECT_EQ(chunks, (std::vector<int64_t>{3, 5, 7}));
  EXPECT_EQ(made->right, 2);
}

TEST(TrainingRows, OrderFollowsSeedAndQuestionAlone) {
  std::set<int> places;
  for (int i = 0; i < 30; ++i) {
    const MadeQuestion q = question("Question " + std::to_string(i) + "?");
    const auto a = choose_sources(q, true, {}, finds(kFound));
    const auto b = choose_sources(q, true, {}, finds(kFound));
    ASSERT_TRUE(a && b);
    EXPECT_EQ(a->right, b->right);
    places.insert(a->right);
  }
  EXPECT_EQ(places, (std::set<int>{0, 1, 2}));
}

TEST(TrainingRows, AShareIsShownWithoutAnswer) {
  int without = 0;
  for (int i = 0; i < 2000; ++i)
    without += is_shown_without_answer(question(std::to_string(i)), {.unanswerable_share = 0.25});
  EXPECT_GT(without, 430);
  EXPECT_LT(without, 570);
}

TEST(TrainingRows, FailWhereTheChunkIsGone) {
  EXPECT_FALSE(choose_sources(kQuestion, true, {}, finds({kFound[0], kFound[1]})));
}

}  // namespace
}  // namespace weir
