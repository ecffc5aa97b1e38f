#include "cli/reply_printer.h"

#include <gtest/gtest.h>

namespace weir {
namespace {

using Part = ReplyPiece::Part;
const std::vector<ReplyPiece> kReply = {
    {Part::thinking, "7+5"}, {Part::thinking, "=12"}, {Part::answer, "12"}, {Part::answer, "."}};

// Piece by piece, as tokens come.
std::string shown(ThinkingStyle style, const std::vector<ReplyPiece>& pieces) {
  ThinkingWriter writer(style);
  std::string out;
  for (const ReplyPiece& piece : pieces) out += writer.write({piece});
  return out + writer.finish();
}

TEST(ThinkingWriter, DimsThinkingOnTerminals) {
  EXPECT_EQ(shown(ThinkingStyle::dimmed, kReply), "\x1b[2m7+5=12\x1b[0m\n12.\n");
}

TEST(ThinkingWriter, MarksThinkingElsewhere) {
  EXPECT_EQ(shown(ThinkingStyle::marked, kReply), "<think>\n7+5=12\n</think>\n12.\n");
}

TEST(ThinkingWriter, LeavesThinkingOutWhenAskedTo) {
  EXPECT_EQ(shown(ThinkingStyle::hidden, kReply), "12.\n");
  EXPECT_EQ(shown(ThinkingStyle::hidden, {kReply[0]}), "\n");
}

TEST(ThinkingWriter, DoesNotDependOnHowTheReplyWasCut) {
  for (ThinkingStyle style :
       {ThinkingStyle::dimmed, ThinkingStyle::marked, ThinkingStyle::hidden}) {
    ThinkingWriter at_once(style);
    EXPECT_EQ(at_once.write(kReply) + at_once.finish(), shown(style, kReply));
  }
}

TEST(ThinkingWriter, ThinkingThatNeverEndsLeavesNoColorAndNoEndMark) {
  EXPECT_EQ(shown(ThinkingStyle::dimmed, {kReply[0]}), "\x1b[2m7+5\x1b[0m\n");
  EXPECT_EQ(shown(ThinkingStyle::marked, {kReply[0]}), "<think>\n7+5\n");
}

TEST(ThinkingWriter, AnswersAloneAreJustText) {
  for (ThinkingStyle style : {ThinkingStyle::dimmed, ThinkingStyle::marked, ThinkingStyle::hidden})
    EXPECT_EQ(shown(style, {{Part::answer, "</think> 12"}}), "</think> 12\n");
}

TEST(ThinkingWriter, TerminalsAreNotCommandedByModels) {
  EXPECT_EQ(shown(ThinkingStyle::marked, {{Part::answer, "a\x1b[31mb\x07\xc2\x9b\tc\n小"}}),
            "a?[31mb??\tc\n小\n");
}

TEST(PromptLine, N8SaysHowFarAndHowLong) {
  EXPECT_EQ(prompt_line({0, 6846, 0}, 0), "reading the prompt: 0 of 6846 tokens");
  EXPECT_EQ(prompt_line({256, 1280, 256}, 10), "reading the prompt: 256 of 1280 tokens, 40 s left");
  // Tokens found in the cache took no time.
  EXPECT_EQ(prompt_line({900, 1000, 50}, 10), "reading the prompt: 900 of 1000 tokens, 20 s left");
  EXPECT_EQ(prompt_line({1000, 1000, 50}, 10), "reading the prompt: 1000 of 1000 tokens");
}

}  // namespace
}  // namespace weir
