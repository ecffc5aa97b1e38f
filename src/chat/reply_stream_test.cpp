#include "chat/reply_stream.h"

#include <gtest/gtest.h>

#include "base/random.h"
#include "base/thread_pool.h"
#include "tokenizer/tokenizer_train.h"

namespace weir {
namespace {

const Tokenizer& tokenizer() {
  static const Tokenizer made = [] {
    const std::string_view text = "so it is and so it is 小红有苹果";
    TokenizerTrainOptions options;
    options.vocab_size = 276;
    options.added_tokens = deepseek_chat_tokens();
    ThreadPool pool(1);
    Result<Tokenizer> result = train_tokenizer({&text, 1}, options, pool);
    EXPECT_TRUE(result) << result.error().message;
    return *std::move(result);
  }();
  return made;
}

ConversationFormat format() {
  Result<ConversationFormat> made = ConversationFormat::create(tokenizer());
  EXPECT_TRUE(made) << made.error().message;
  return *made;
}

// Control tokens written in the text become control tokens.
std::vector<int> tokens_of(const std::string& text) {
  Result<std::vector<int>> ids = tokenizer().encode(text, {.allow_special = true});
  EXPECT_TRUE(ids) << ids.error().message;
  return *ids;
}

struct Shown {
  std::string thinking, answer;
};
Shown show(const std::vector<int>& tokens, bool finishes = true) {
  ReplyStream stream(tokenizer(), reply_marks(format()));
  Shown shown;
  auto take = [&](const std::vector<ReplyPiece>& pieces) {
    for (const ReplyPiece& piece : pieces)
      (piece.part == ReplyPiece::Part::thinking ? shown.thinking : shown.answer) += piece.text;
  };
  for (int token : tokens) take(stream.push(token));
  if (finishes) take(stream.finish());
  return shown;
}

TEST(ReplyStream, CutsThinkingFromTheAnswer) {
  const Shown shown =
      show(tokens_of("<think>\n so it is \n</think>\n\n12 小\n<｜end▁of▁sentence｜>12"));
  EXPECT_EQ(shown.thinking, "so it is");
  EXPECT_EQ(shown.answer, "12 小");
}

TEST(ReplyStream, MarksInsideTheAnswerAreText) {
  EXPECT_EQ(show(tokens_of("<think>a</think>b</think>c<think>d")).answer, "b</think>c<think>d");
  const Shown late = show(tokens_of("b<think>c</think>"));
  EXPECT_EQ(late.thinking, "");
  EXPECT_EQ(late.answer, "b<think>c</think>");
}

TEST(ReplyStream, HoldsBackCharactersAndBlanksUntilTheyAreCertain) {
  const std::vector<int> tokens = tokens_of("<think>so 苹");
  EXPECT_EQ(show({tokens.begin(), tokens.end() - 1}, false).thinking, "so");
  EXPECT_EQ(show(tokens, false).thinking, "so 苹");
  EXPECT_EQ(show({tokens.begin(), tokens.end() - 1}).thinking, "so \xef\xbf\xbd");
}

TEST(ReplyStream, JoinedPiecesAreWhatParseFinds) {
  for (uint64_t seed = 0; seed < 2000; ++seed) {
    Random random(seed, 1);
    std::vector<int> tokens;
    if (random.below(2)) tokens.push_back(format().think());
    for (uint64_t i = random.below(24); i > 0; --i) {
      const uint64_t kind = random.below(12);
      tokens.push_back(kind == 0   ? format().end_of_thinking()
                       : kind == 1 ? format().end()
                       : kind == 2 ? *tokenizer().find(" ")
                                   : int(random.below(uint64_t(tokenizer().size()))));
    }
    const ParsedReply parsed = format().parse(tokens);
    const Shown shown = show(tokens);
    ASSERT_EQ(shown.thinking, parsed.thinking) << "seed " << seed;
    ASSERT_EQ(shown.answer, parsed.answer) << "seed " << seed;
  }
}

TEST(ReplyStream, F45CallsAreAPartOfTheirOwnWithTheirControlTokens) {
  ReplyMarks marks = reply_marks(format());
  marks.calls = tokens_of("<｜User｜>");  // a control token of this vocabulary, as any would do
  ASSERT_EQ(marks.calls.size(), 1u);
  ReplyStream stream(tokenizer(), marks);
  std::string answer, calls;
  const auto take = [&](const std::vector<ReplyPiece>& pieces) {
    for (const ReplyPiece& piece : pieces)
      (piece.part == ReplyPiece::Part::call ? calls : answer) += piece.text;
  };
  for (const int token :
       tokens_of("so it is <｜User｜>get小<｜Assistant｜>{}<｜User｜>more<｜end▁of▁sentence｜>so"))
    take(stream.push(token));
  take(stream.finish());
  EXPECT_EQ(answer, "so it is");
  EXPECT_EQ(calls, "<｜User｜>get小<｜Assistant｜>{}<｜User｜>more");
}

}  // namespace
}  // namespace weir
