#include "stages/shown_reply.h"

#include <gtest/gtest.h>

#include "verify/verifier.h"

namespace weir {
namespace {

TEST(ShownReply, N21AReplyThatMerelyDoesNotDeclineIsNotCalledRight) {
  struct Case {
    const char *gold, *verdict, *shown;
  };
  for (const Case& c :
       {Case{"help", "right", "not declined"}, Case{"help", "wrong", "declined"},
        Case{"refuse", "right", "declined"}, Case{"refuse", "wrong", "not declined"},
        Case{"help", "unparseable", "unparseable"}, Case{"refuse", "truncated", "truncated"}}) {
    SampleReply sample{"refuse", "q", "", "s.", plain_gold("refusal", c.gold), c.verdict};
    EXPECT_EQ(shown_verdict(sample), c.shown) << c.gold << ", " << c.verdict;
    EXPECT_EQ(sample.gold, std::string(c.gold) == "help" ? "no refusal" : "a refusal");
  }
  EXPECT_EQ(shown_verdict({"sums", "q", "", "4", "4", "right"}), "right");
}

TEST(ShownReply, N21GoldsAreShownPlain) {
  EXPECT_EQ(plain_gold("numeric", "42"), "42");
  EXPECT_EQ(plain_gold("countdown", "3 7 12;43"), "43 from 3 7 12");
  EXPECT_EQ(plain_gold("regex", R"((?i)^\s*(?:Brown|The colour is brown)\s*(?:[.!]|。|！)?\s*$)"),
            "Brown");
  EXPECT_EQ(plain_gold("regex", R"((?i)^\s*(?:Mt\. Everest|x)\s*$)"), "Mt. Everest");
  EXPECT_EQ(plain_gold("regex", "^4[0-9]$"), "a match of ^4[0-9]$");
  EXPECT_EQ(plain_gold("regex", "colou?r"), "a match of colou?r");
  const auto verifier = std::move(*make_verifier("regex"));
  for (const char* gold : {"grey|gray", "(?i)hello|hi", "^a\\+b$"}) {
    const std::string plain = plain_gold("regex", gold);
    EXPECT_EQ(verifier->check(plain, gold), Verdict::right) << plain << " for " << gold;
  }
}

}  // namespace
}  // namespace weir
