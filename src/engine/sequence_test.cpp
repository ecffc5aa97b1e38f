// What ends a sequence and what of its text is shown when, token by token.
#include "engine/sequence.h"

#include <gtest/gtest.h>

#include "testing/tiny_models.h"

namespace weir {
namespace {

constexpr int kEnd = 0;

// The end token, then 256 bytes.
const Tokenizer& byte_tokenizer() {
  static const Tokenizer tokenizer = make_byte_tokenizer({{"<eos>", true}}, "", "<eos>");
  return tokenizer;
}

int byte_token(char byte) { return *byte_tokenizer().find(std::string_view(&byte, 1)); }

// Feeds the bytes as tokens, then (if `ends`) the end token; returns what is shown, '|' after each
// event.
std::string feed(Sequence& sequence, std::string_view text, bool ends = false) {
  std::string shown;
  for (char byte : text) {
    if (sequence.is_finished()) return shown + "!";
    shown += std::string(sequence.accept({byte_token(byte), 0, 0}).text) + "|";
  }
  if (ends) shown += std::string(sequence.accept({kEnd, 0, 0}).text) + "|";
  return shown;
}

std::unique_ptr<Sequence> sequence_of(const Request& request, int positions_max = 1000) {
  auto sequence = Sequence::create(request, 0, byte_tokenizer(), positions_max);
  EXPECT_TRUE(sequence.has_value());
  return *std::move(sequence);
}

Request request_of(std::vector<std::string> stops, int tokens_max = 100) {
  Request r;
  r.prompt = {byte_token('p')};
  r.tokens_max = tokens_max;
  r.stops = std::move(stops);
  r.stop_ids = {kEnd};
  return r;
}

TEST(Sequence, StopStringsWorkAcrossTokens) {
  Request request = request_of({"\nUser:"});
  auto sequence = sequence_of(request);
  EXPECT_EQ(feed(*sequence, "Hi.\nUser: x"), "H|i|.|||||||!");
  Completion c = sequence->take_completion();
  EXPECT_EQ(c.text, "Hi.");
  EXPECT_EQ(c.reason, FinishReason::stop);
  EXPECT_EQ(c.stop, "\nUser:");
  EXPECT_EQ(c.tokens.size(), 9u);  // those of the stop string too
}

TEST(Sequence, HeldBackTextIsShownAtTheEnd) {
  Request request = request_of({"\nUser:"});
  auto sequence = sequence_of(request);
  EXPECT_EQ(feed(*sequence, "Hi\nUs", true), "H|i||||\nUs|");
  Completion c = sequence->take_completion();
  EXPECT_EQ(c.text, "Hi\nUs");
  EXPECT_EQ(c.reason, FinishReason::end);
  EXPECT_EQ(c.tokens.back(), kEnd);
}

TEST(Sequence, CharactersAreShownWhole) {
  Request request = request_of({"\xe4\xbd\xa1"}, 7);  // shares two bytes with the text
  auto sequence = sequence_of(request);
  EXPECT_EQ(feed(*sequence, "\xe4\xbd\xa0 \xe4\xbd\xa0"), "||\xe4\xbd\xa0| |||\xe4\xbd\xa0|");
  EXPECT_TRUE(sequence->is_finished());
  EXPECT_EQ(sequence->take_completion().reason, FinishReason::length);
}

TEST(Sequence, AnIncompleteCharacterAtTheEndIsReplaced) {
  Request request = request_of({}, 3);
  auto sequence = sequence_of(request);
  EXPECT_EQ(feed(*sequence, "a\xe4\xbd"), "a||\xef\xbf\xbd|");
}

TEST(Sequence, StopOutweighsLengthWhenBothComeAtOnce) {
  Request request = request_of({"ab"}, 2);
  auto sequence = sequence_of(request);
  EXPECT_EQ(feed(*sequence, "ab"), "||");
  EXPECT_EQ(sequence->take_completion().reason, FinishReason::stop);
}

TEST(Sequence, PositionsEndIt) {
  Request request = request_of({}, 100);
  EXPECT_EQ(sequence_of(request, 50)->positions(), 50);
  EXPECT_EQ(sequence_of(request, 500)->positions(), 100);  // 1 + 100, the last one not computed
  auto sequence = sequence_of(request, 3);
  feed(*sequence, "ab");
  EXPECT_FALSE(sequence->is_finished());
  feed(*sequence, "c");
  EXPECT_TRUE(sequence->is_finished());
}

TEST(Sequence, CancelKeepsWhatWasShown) {
  Request request = request_of({"bc"});
  auto sequence = sequence_of(request);
  feed(*sequence, "ab");
  sequence->cancel();
  Completion c = sequence->take_completion();
  EXPECT_EQ(c.text, "a");
  EXPECT_EQ(c.reason, FinishReason::cancelled);
}

}  // namespace
}  // namespace weir
