// What of a reply's text is shown when, token by token, and what ends it.
#include "chat/reply.h"

#include <gtest/gtest.h>

#include <cctype>

#include "testing/tiny_models.h"

namespace weir {
namespace {

constexpr int kEnd = 0;

// The end token, then 256 bytes.
const Tokenizer& tokenizer_of_bytes() {
  static const Tokenizer tokenizer = make_byte_tokenizer({{"<eos>", true}}, "", "<eos>");
  return tokenizer;
}

int byte_token(char byte) { return *tokenizer_of_bytes().find(std::string_view(&byte, 1)); }

// Feeds the bytes as tokens, the last of them marked as the engine does at `tokens_max`, then (if
// `ends`) the end token; returns what is shown, '|' after each event.
std::string feed(Reply& reply, std::string_view text, bool ends = false, size_t tokens_max = 100) {
  std::string shown;
  size_t count = 0;
  auto push = [&](Drawn drawn) { shown += std::string(reply.push(drawn)) + "|"; };
  for (char byte : text) {
    if (reply.is_finished()) return shown + "!";
    push({.token = {byte_token(byte)}, .is_last = ++count == tokens_max});
  }
  if (ends) push({.token = {kEnd}, .is_last = true, .reason = FinishReason::end});
  return shown;
}

Reply reply_of(std::vector<std::string> stops, ReplyFilter* filter = nullptr) {
  Request request;
  request.stops = std::move(stops);
  request.reply_filter = filter;
  Result<Reply> reply = Reply::create(request, tokenizer_of_bytes());
  EXPECT_TRUE(reply.has_value());
  return *std::move(reply);
}

TEST(Reply, StopStringsWorkAcrossTokens) {
  Reply reply = reply_of({"\nUser:"});
  EXPECT_EQ(feed(reply, "Hi.\nUser: x"), "H|i|.|||||||!");
  Completion c = reply.take_completion();
  EXPECT_EQ(c.text, "Hi.");
  EXPECT_EQ(c.reason, FinishReason::stop);
  EXPECT_EQ(c.stop, "\nUser:");
  EXPECT_EQ(c.tokens.size(), 9u);  // those of the stop string too
}

TEST(Reply, HeldBackTextIsShownAtTheEnd) {
  Reply reply = reply_of({"\nUser:"});
  EXPECT_EQ(feed(reply, "Hi\nUs", true), "H|i||||\nUs|");
  Completion c = reply.take_completion();
  EXPECT_EQ(c.text, "Hi\nUs");
  EXPECT_EQ(c.reason, FinishReason::end);
  EXPECT_EQ(c.tokens.back(), kEnd);
}

TEST(Reply, CharactersAreShownWhole) {
  Reply reply = reply_of({"\xe4\xbd\xa1"});  // shares two bytes with the text
  EXPECT_EQ(feed(reply, "\xe4\xbd\xa0 \xe4\xbd\xa0", false, 7), "||\xe4\xbd\xa0| |||\xe4\xbd\xa0|");
  EXPECT_TRUE(reply.is_finished());
  EXPECT_EQ(reply.take_completion().reason, FinishReason::length);
}

TEST(Reply, AnIncompleteCharacterAtTheEndIsReplaced) {
  Reply reply = reply_of({});
  EXPECT_EQ(feed(reply, "a\xe4\xbd", false, 3), "a||\xef\xbf\xbd|");
}

TEST(Reply, StopOutweighsLengthWhenBothComeAtOnce) {
  Reply reply = reply_of({"ab"});
  EXPECT_EQ(feed(reply, "ab", false, 2), "||");
  EXPECT_EQ(reply.take_completion().reason, FinishReason::stop);
}

TEST(Reply, CancelKeepsWhatWasShown) {
  Reply reply = reply_of({"bc"});
  feed(reply, "ab");
  reply.cancel();
  Completion c = reply.take_completion();
  EXPECT_EQ(c.text, "a");
  EXPECT_EQ(c.reason, FinishReason::cancelled);
}

// Lets whole words pass, in capitals, and refuses one of them.
struct Guard : ReplyFilter {
  std::string held;
  std::optional<std::string> pass(std::string_view text, bool is_last) override {
    held += text;
    const size_t end = is_last ? held.size() : held.rfind(' ') + 1;
    std::string out = held.substr(0, end);
    held.erase(0, end);
    if (out.find("bad") != out.npos) return std::nullopt;
    for (char& c : out) c = char(std::toupper(c));
    return out;
  }
};

TEST(Reply, AFilterSeesTextBeforeItLeaves) {
  Guard guard;
  Reply reply = reply_of({"\n"}, &guard);
  EXPECT_EQ(feed(reply, "so it is\n"), "||SO |||IT |||IS|");
  Completion c = reply.take_completion();
  EXPECT_EQ(c.text, "SO IT IS");
  EXPECT_EQ(c.reason, FinishReason::stop);
}

TEST(Reply, AFilterEndsTheReply) {
  Guard guard;
  Reply reply = reply_of({}, &guard);
  EXPECT_EQ(feed(reply, "a bad day"), "|A |||||!");
  Completion c = reply.take_completion();
  EXPECT_EQ(c.text, "A ");
  EXPECT_EQ(c.reason, FinishReason::filtered);
}

}  // namespace
}  // namespace weir
