#include "knowledge/chunker.h"

#include <gtest/gtest.h>

#include <algorithm>

#include "knowledge/near_text.h"
#include "knowledge/words.h"

namespace weir {
namespace {

using Kind = DocumentBlock::Kind;

DocumentBlock block(Kind kind, std::string text, int level = 0, int page = 0) {
  return {kind, level, page, std::move(text)};
}

std::string sentences(int count, const std::string& word) {
  std::string text;
  for (int i = 0; i < count; ++i) text += "Sentence " + std::to_string(i) + " about " + word + ". ";
  return text;
}

TEST(Chunker, KeepsSectionsApartAndNamesTheirPath) {
  Document document;
  document.blocks = {block(Kind::heading, "Manual", 1), block(Kind::heading, "Backup", 2),
                     block(Kind::paragraph, sentences(20, "backup"), 0, 3),
                     block(Kind::heading, "Restore", 2),
                     block(Kind::paragraph, sentences(20, "restore"), 0, 4)};
  const std::vector<Chunk> chunks = cut_chunks(document, {});
  ASSERT_EQ(chunks.size(), 2u);
  EXPECT_EQ(chunks[0].heading, "Manual > Backup");
  EXPECT_EQ(chunks[0].page, 3);
  EXPECT_EQ(chunks[1].heading, "Manual > Restore");
  EXPECT_EQ(chunks[1].text.find("backup"), std::string::npos);
}

TEST(Chunker, JoinsAShortIntroductionWithItsFirstSection) {
  Document document;
  document.blocks = {block(Kind::heading, "Manual", 1), block(Kind::paragraph, "Short."),
                     block(Kind::heading, "Backup", 2),
                     block(Kind::paragraph, sentences(10, "backup"))};
  const std::vector<Chunk> chunks = cut_chunks(document, {});
  ASSERT_EQ(chunks.size(), 1u);
  EXPECT_EQ(chunks[0].heading, "Manual");
  EXPECT_NE(chunks[0].text.find("Short.\n\nBackup\nSentence 0"), std::string::npos);
}

TEST(Chunker, NoChunkExceedsItsSizeAndNoWordIsLost) {
  for (const std::string& text : {sentences(300, "wal"), std::string(9000, 'x'), []() {
                                    std::string chinese;
                                    for (int i = 0; i < 900; ++i) chinese += "软件包管理。";
                                    return chinese;
                                  }()}) {
    Document document;
    document.blocks = {block(Kind::paragraph, text)};
    std::string joined;
    for (const Chunk& chunk : cut_chunks(document, {.tokens = 100, .tokens_min = 20})) {
      EXPECT_LE(estimate_tokens(chunk.text), 105u);
      joined += chunk.text;
    }
    const auto bare = [](std::string s) {
      std::erase(s, ' ');
      std::erase(s, '\n');
      return s;
    };
    EXPECT_EQ(bare(joined), bare(text));
  }
}

TEST(Chunker, RepeatsTheHeadOfATableThatIsCut) {
  std::string table = "name | meaning";
  for (int i = 0; i < 200; ++i) table += "\nsetting" + std::to_string(i) + " | value of it";
  Document document;
  document.blocks = {block(Kind::table, table)};
  const std::vector<Chunk> chunks = cut_chunks(document, {.tokens = 100, .tokens_min = 20});
  ASSERT_GT(chunks.size(), 5u);
  for (const Chunk& chunk : chunks) EXPECT_TRUE(chunk.text.starts_with("name | meaning\nsetting"));
}

TEST(NearText, CopiesWithAnotherNumberOrADenialAreNoCopies) {
  const std::string text = sentences(30, "replication and the log");
  EXPECT_TRUE(is_near_copy(text, text + "Indeed."));
  EXPECT_FALSE(is_near_copy(text + "Since version 14.", text + "Since version 15."));
  EXPECT_FALSE(is_near_copy(text + "It is allowed.", text + "It is not allowed."));
  EXPECT_FALSE(is_near_copy(text, sentences(30, "vacuum and the tables")));
}

TEST(NearText, FingerprintsOfNearTextsShareABand) {
  const std::string text = sentences(60, "replication and the log");
  const auto a = similarity_bands(similarity_hash(text));
  const auto b = similarity_bands(similarity_hash(text + "Indeed."));
  bool shares = false;
  for (size_t i = 0; i < a.size(); ++i) shares = shares || a[i] == b[i];
  EXPECT_TRUE(shares);
  EXPECT_NE(similarity_hash(text), similarity_hash(sentences(60, "vacuum and tables")));
}

}  // namespace
}  // namespace weir
