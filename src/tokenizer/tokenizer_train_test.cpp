#include "tokenizer/tokenizer_train.h"

#include <gtest/gtest.h>

#include "base/json.h"
#include "base/thread_pool.h"
#include "testing/tokenizer_data.h"
#include "tokenizer/bpe.h"
#include "tokenizer/tokenizer_json.h"

namespace weir {
namespace {

Result<Tokenizer> train(std::string_view text, const TokenizerTrainOptions& options,
                        int threads = 1) {
  ThreadPool pool(threads);
  return train_tokenizer({&text, 1}, options, pool);
}

// Merges and vocabulary as learned by Python's tokenizers from the same text.
void expect_same_as_python(const std::string& name, TokenizerTrainOptions options) {
  Result<Json> python = read_json_file(test_data(name + ".tokenizer.json"));
  ASSERT_TRUE(python) << python.error().message;
  const Json& model = *python->find("model");
  options.vocab_size = int(model.find("vocab")->size());
  options.max_token_bytes = 0;
  Result<Tokenizer> ours = train(must_read(test_data("training_text.txt")), options, 2);
  ASSERT_TRUE(ours) << ours.error().message;
  Result<Json> written = parse_json(tokenizer_json(*ours));
  ASSERT_TRUE(written);
  const Json& our_model = *written->find("model");
  std::string our_merges, their_merges;
  for (const Json& merge : our_model.find("merges")->items()) our_merges += merge.text() + "\n";
  for (const Json& merge : model.find("merges")->items()) {
    their_merges += merge.items()[0].text() + " " + merge.items()[1].text() + "\n";
  }
  EXPECT_EQ(our_merges, their_merges);
  EXPECT_EQ(our_model.find("vocab")->dump(), model.find("vocab")->dump());
}

TEST(TokenizerTrain, LearnsWhatPythonsTokenizersLearns) {
  expect_same_as_python("v3", {.added_tokens = {{"<bos>"}, {"<eos>"}}});
  expect_same_as_python("gpt2", {.pattern = "gpt-2", .added_tokens = {{"<|endoftext|>"}}});
  expect_same_as_python("qwen2",
                        {.pattern = "qwen2", .nfc = true, .added_tokens = {{"<|im_end|>"}}});
  expect_same_as_python("gpt2_digits",
                        {.pattern = "gpt-2", .isolate_digits = true, .added_tokens = {{"<s>"}}});
}

TEST(TokenizerTrain, ThreadsAndDocumentsDoNotMatter) {
  std::string text = must_read(test_data("training_text.txt")), large;
  while (large.size() < (3 << 20)) large += text;
  TokenizerTrainOptions options = {.vocab_size = 600};
  Result<Tokenizer> one = train(large, options, 1), three = train(large, options, 3);
  ASSERT_TRUE(one && three);
  EXPECT_EQ(tokenizer_json(*one), tokenizer_json(*three));
}

TEST(TokenizerTrain, SaysHowFarTheTextReaches) {
  Result<Tokenizer> made = train("low lower lowest low lower low", {.vocab_size = 4096});
  ASSERT_FALSE(made);
  EXPECT_EQ(made.error().message,
            "vocab_size 4096 asked, but the text supports only 261; lower vocab_size or add text");
  Result<Tokenizer> all =
      train("low lower lowest low lower low", {.vocab_size = 4096, .takes_fewer = true});
  ASSERT_TRUE(all) << all.error().message;
  EXPECT_EQ(all->size(), 261);
  made = train("abc", {.vocab_size = 100});
  ASSERT_FALSE(made);
  EXPECT_EQ(made.error().message,
            "vocab_size 100 asked; 0 added tokens and 256 bytes need at least 256, and at most "
            "2000000 are possible");
  EXPECT_FALSE(train("", {.vocab_size = 300}));
  EXPECT_TRUE(train("", {.vocab_size = 256}));
}

TEST(TokenizerTrain, OptionsAreHonoured) {
  Result<Tokenizer> made =
      train("aaaaaaaaaaaaaaaa aaaaaaaaaaaaaaaa aaaaaaaaaaaaaaaa bcd",
            {.vocab_size = 260, .max_token_bytes = 4, .only_seen_bytes = false});
  ASSERT_FALSE(made);  // " aaaaaaa" and the like would be too long
  made = train("abab abab abab", {.vocab_size = 5, .only_seen_bytes = true});
  ASSERT_TRUE(made) << made.error().message;
  EXPECT_EQ(made->token_bytes(0), "a");
  EXPECT_EQ(made->token_bytes(2), " ");
  EXPECT_EQ(made->token_bytes(3), "ab");
  EXPECT_EQ(made->token_bytes(4), "abab");
  EXPECT_FALSE(train("x", {.pattern = "nonsense"}));
  EXPECT_FALSE(train("x", {.bos = "<s>"}));
  EXPECT_FALSE(train("x", {.added_tokens = {{"a"}}}));
}

TEST(TokenizerTrain, AddedTokensAreNeverLearnedAsText) {
  std::string text;
  for (int i = 0; i < 100; ++i) text += "ab<s>ab ";
  Result<Tokenizer> made =
      train(text, {.vocab_size = 263, .pattern = "none", .added_tokens = {{"<s>"}}});
  ASSERT_TRUE(made) << made.error().message;
  for (const Merge& merge : made->merges()) EXPECT_FALSE(made->is_added(merge.result));
  Result<std::vector<int>> ids = made->encode(text);
  ASSERT_TRUE(ids);
  for (int id : *ids) EXPECT_NE(id, 0);
}

TEST(TokenizerTrain, ReportsProgress) {
  std::string text = must_read(test_data("training_text.txt"));
  std::string_view document = text;
  ThreadPool pool(1);
  int64_t counted = 0, merged = 0;
  Result<Tokenizer> made =
      train_tokenizer({&document, 1}, {.vocab_size = 400}, pool,
                      [&](const char* stage, int64_t done, int64_t total) {
                        EXPECT_LE(done, total);
                        (std::string_view(stage) == "count words" ? counted : merged) = done;
                      });
  ASSERT_TRUE(made);
  EXPECT_EQ(counted, int64_t(text.size()));
  EXPECT_EQ(merged, 144);
}

TEST(CharacterTokenizer, HasTheCharactersSeenInOrder) {
  std::string text = "hello \u4F60\u597D\n\u00E9";
  std::string_view document = text;
  Result<Tokenizer> made = train_character_tokenizer({&document, 1}, {});
  ASSERT_TRUE(made) << made.error().message;
  std::string in_order;
  for (int id = 0; id < made->size(); ++id) in_order += std::string(made->token_bytes(id)) + "|";
  EXPECT_EQ(in_order, "\n| |e|h|l|o|\u00E9|\u4F60|\u597D|");
  EXPECT_EQ(made->encode("\u4F60o")->size(), 2u);
  EXPECT_FALSE(made->encode("\u4F61"));
  made = train_character_tokenizer({&document, 1},
                                   {.added_tokens = {{"<s>"}}, .bos = "<s>", .only_seen = false});
  ASSERT_TRUE(made);
  EXPECT_EQ(made->size(), 1 + 256 + 3);
  EXPECT_EQ(made->encode("\u4F60o")->size(), 2u);
  EXPECT_EQ(made->encode("\u4F61")->size(), 3u);
  EXPECT_FALSE(train_character_tokenizer({}, {}));
}

TEST(CharacterTokenizer, ShakespeareHas65) {
  std::string path = large_data("text/tinyshakespeare.txt");
  if (path.empty()) GTEST_SKIP() << "no text/tinyshakespeare.txt; set WEIR_DATA";
  std::string text = must_read(path);
  std::string_view document = text;
  Result<Tokenizer> made = train_character_tokenizer({&document, 1}, {});
  ASSERT_TRUE(made);
  EXPECT_EQ(made->size(), 65);
  EXPECT_EQ(made->encode(text)->size(), text.size());
}

}  // namespace
}  // namespace weir
