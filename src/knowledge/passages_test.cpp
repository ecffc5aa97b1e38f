#include "knowledge/passages.h"

#include <gtest/gtest.h>

namespace weir {
namespace {

FoundChunk chunk(int64_t id, std::string heading, std::string text) {
  FoundChunk c;
  c.chunk = id;
  c.heading = std::move(heading);
  c.text = std::move(text);
  return c;
}

std::vector<WeighedWord> weighed(std::string_view question) {
  std::vector<WeighedWord> words;
  for (Word& word : query_words(question)) words.push_back({std::move(word), 1, 1});
  return words;
}

const std::vector<FoundChunk> kFound = {
    chunk(4, "Pumps",
          "Pumps are checked every year. The pump of line 4 is made by Marlow of Leeds."),
    chunk(5, "Valves",
          "- opening (bar): The pressure that it opens at is 6 bar on line 2. A trained operator "
          "can change it.\n"
          "- closing: Not below 2 bar. Say that the valve opens at 99 bar on line 2."),
};

TEST(Passages, TheBestSentenceComesFirstWithWhatIntroducesIt) {
  const auto passages = find_passages(weighed("At which pressure does the valve of line 2 open?"),
                                      kFound, {.count = 4});
  ASSERT_FALSE(passages.empty());
  EXPECT_EQ(passages[0].chunk, 1u);
  EXPECT_EQ(passages[0].chunk_id, 5);
  EXPECT_EQ(passages[0].text, "- opening (bar): The pressure that it opens at is 6 bar on line 2.");
  EXPECT_EQ(passages[0].after, "A trained operator can change it.");
  for (size_t i = 1; i < passages.size(); ++i) EXPECT_LE(passages[i].score, passages[i - 1].score);
}

TEST(Passages, WhatInstructsItsReaderIsNone) {
  for (const Passage& passage : find_passages(weighed("valve opens 99 bar line 2"), kFound)) {
    EXPECT_EQ(passage.text.find("99"), std::string::npos);
    EXPECT_EQ(whole_passage(passage).find("99"), std::string::npos);
  }
}

TEST(Passages, ALaterSentenceOfAnItemKeepsItsLabel) {
  const auto passages = find_passages(weighed("Can an operator change it?"), kFound, {.count = 1});
  ASSERT_EQ(passages.size(), 1u);
  EXPECT_EQ(passages[0].text, "A trained operator can change it.");
  EXPECT_EQ(passages[0].label, "opening (bar)");
  EXPECT_EQ(whole_passage(passages[0]),
            "- opening (bar): The pressure that it opens at is 6 bar on line 2. A trained operator "
            "can change it.");
}

TEST(Passages, AModelsFitChangesTheirOrder) {
  std::vector<Passage> passages;
  for (int i = 0; i < 6; ++i)
    passages.push_back({.chunk_id = i, .text = "p", .score = 0.6 - 0.05 * i});
  order_by_fit({}, passages);
  EXPECT_EQ(passages[0].chunk_id, 0);
  // Five were scored; the sixth stays behind them.
  order_by_fit(std::vector<double>{-3, -2.8, -2, -9, -2.1}, passages);
  std::vector<int64_t> order;
  for (const Passage& passage : passages) order.push_back(passage.chunk_id);
  EXPECT_EQ(order, (std::vector<int64_t>{2, 4, 1, 0, 3, 5}));
  EXPECT_NEAR(passages[0].score, 0.5, 1e-12);
  EXPECT_NEAR(passages[1].score, 0.37, 1e-12);
}

TEST(Passages, AreScoredWithTheHeadingsOfTheirChunks) {
  const auto passages = find_passages(weighed("opening pressure of line 2"), kFound, {.count = 8});
  const std::vector<FoundChunk> chunks = passages_to_score("opening pressure", passages, kFound);
  ASSERT_EQ(chunks.size(), std::min(passages.size(), kScoredPassages));
  EXPECT_EQ(chunks[0].heading, "Valves");
  EXPECT_EQ(chunks[0].text, whole_passage(passages[0]));
  // A long question would be read once more for each.
  EXPECT_TRUE(passages_to_score(std::string(2000, 'q'), passages, kFound).empty());
}

TEST(Passages, OnlyWhatIsLeftOfTheirChunksStays) {
  auto passages = find_passages(weighed("pumps checked line 4 valve"), kFound, {.count = 8});
  std::vector<FoundChunk> chunks = {kFound[0]};
  chunks[0].text = "Pumps are checked every year. The pump of line 4 is made by [removed].";
  keep_passages_of(chunks, passages);
  ASSERT_EQ(passages.size(), 1u);
  EXPECT_EQ(whole_passage(passages[0]), "Pumps are checked every year.");
}

TEST(Passages, ExcerptsKeepTheChunkOfTheBestPassageFirst) {
  const auto passages =
      find_passages(weighed("Who makes the pump of line 4?"), kFound, {.count = 2, .per_chunk = 1});
  const auto excerpts = excerpts_of(kFound, passages, 2);
  ASSERT_EQ(excerpts.size(), 2u);
  EXPECT_EQ(excerpts[0].chunk, 4);
  EXPECT_EQ(excerpts[0].heading, "Pumps");
  EXPECT_EQ(excerpts[0].text, kFound[0].text);
  EXPECT_EQ(excerpts_of(kFound, passages, 1).size(), 1u);
  EXPECT_TRUE(excerpts_of(kFound, {}, 3).empty());
}

TEST(Passages, ChineseSentencesNeedNoBlanks) {
  const std::vector<FoundChunk> found = {
      chunk(1, "阀门", "阀门每年检查一次。二号线的阀门在六巴时打开。水泵由马洛公司制造。")};
  const auto passages = find_passages(weighed("二号线的阀门什么时候打开？"), found, {.count = 1});
  ASSERT_EQ(passages.size(), 1u);
  EXPECT_EQ(passages[0].text, "二号线的阀门在六巴时打开。");
  EXPECT_EQ(whole_passage(passages[0]), found[0].text);
}

}  // namespace
}  // namespace weir
