#include "adapt/adapt_folder.h"

#include <gtest/gtest.h>

#include "adapt/bot_file.h"
#include "base/atomic_output.h"
#include "testing/training_fixture.h"

namespace weir {
namespace {

Json asked(int64_t seed) {
  Json json = Json::object();
  json.set("base", "model.gguf");
  json.set("seed", seed);
  return json;
}

TEST(AdaptFolder, KeepsWhatStagesCameTo) {
  TemporaryFolder temporary;
  const std::string path = temporary.path() + "/bot";
  {
    auto folder = AdaptFolder::open(path, asked(1));
    ASSERT_TRUE(folder) << folder.error().message;
    EXPECT_EQ(folder->result("documents"), nullptr);
    Json result = Json::object();
    result.set("chunks", 12);
    ASSERT_TRUE(folder->finish("documents", result));
    ASSERT_TRUE(folder->set_fact("plan", 5));
  }
  auto folder = AdaptFolder::open(path, asked(1));
  ASSERT_TRUE(folder) << folder.error().message;
  ASSERT_NE(folder->result("documents"), nullptr);
  EXPECT_EQ(*folder->result("documents")->int_at("chunks"), 12);
  EXPECT_EQ(*folder->fact("plan")->as_int(), 5);
}

TEST(AdaptFolder, RefusesOtherWishesAndOtherFolders) {
  TemporaryFolder temporary;
  const std::string path = temporary.path() + "/bot";
  ASSERT_TRUE(AdaptFolder::open(path, asked(1)));
  const auto other = AdaptFolder::open(path, asked(2));
  ASSERT_FALSE(other);
  EXPECT_NE(other.error().message.find("seed: 1 instead of 2"), std::string::npos)
      << other.error().message;
  ASSERT_TRUE(write_file_atomic(temporary.path() + "/letter.txt", "x"));
  EXPECT_FALSE(AdaptFolder::open(temporary.path(), asked(1)));
}

TEST(AdaptFolder, ReadsWholeLines) {
  TemporaryFolder temporary;
  const std::string path = temporary.path() + "/lines.jsonl";
  EXPECT_EQ(lines_if_any(path)->size(), 0u);
  ASSERT_TRUE(write_file_atomic(path, "{\"a\":1}\n\n{\"a\":2}\n"));
  EXPECT_EQ(lines_if_any(path)->size(), 2u);
  // An editor may leave the last line end out.
  ASSERT_TRUE(write_file_atomic(path, "{\"a\":1}\n{\"a\":2}"));
  EXPECT_EQ(lines_if_any(path)->size(), 2u);
  ASSERT_TRUE(write_file_atomic(path, "{\"a\":1}\n{\"a\":"));
  EXPECT_FALSE(lines_if_any(path));
  ASSERT_TRUE(write_file_atomic(path, "{\"a\":1}\nnonsense\n"));
  const auto broken = lines_if_any(path);
  ASSERT_FALSE(broken);
  EXPECT_NE(broken.error().message.find("lines.jsonl:2"), std::string::npos);
}

TEST(BotFile, IsReadAsItWasWritten) {
  TemporaryFolder temporary;
  const std::string folder = temporary.path();
  for (const char* name : {"model.gguf", "knowledge.db", "tuning"})
    ASSERT_TRUE(write_file_atomic(folder + "/" + name, ""));
  BotFile bot{.name = "Pumps",
              .base = "model.gguf",
              .adapter = "tuning",
              .knowledge = "knowledge.db",
              .sources = 5,
              .searched = 10,
              .quotes = Quotes::beside,
              .suggested = {"Who makes the pump?"},
              .welcome = "Hello."};
  ASSERT_TRUE(write_bot(folder, bot));
  const auto read = read_bot(folder);
  ASSERT_TRUE(read) << read.error().message;
  EXPECT_EQ(read->name, "Pumps");
  EXPECT_EQ(read->base, folder + "/model.gguf");
  EXPECT_EQ(read->adapter, folder + "/tuning");
  EXPECT_EQ(read->sources, 5);
  EXPECT_EQ(read->searched, 10);
  EXPECT_EQ(read->quotes, Quotes::beside);
  EXPECT_EQ(read->suggested, bot.suggested);
  bot.knowledge = "elsewhere.db";
  ASSERT_TRUE(write_bot(folder, bot));
  const auto without = read_bot(folder);
  ASSERT_FALSE(without);
  EXPECT_NE(without.error().message.find("'knowledge'"), std::string::npos)
      << without.error().message;
}

}  // namespace
}  // namespace weir
