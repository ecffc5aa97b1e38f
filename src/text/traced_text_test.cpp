#include "text/traced_text.h"

#include <gtest/gtest.h>

namespace weir {
namespace {

TracedText mixed() {
  TracedText text = TracedText::of("<|", true);
  text.append("data", false);
  text.append("|>", true);
  text.append("end", true);
  return text;
}

TEST(TracedText, JoinsSpansThatTouch) {
  TracedText text = mixed();
  EXPECT_EQ(text.text, "<|data|>end");
  EXPECT_EQ(text.trusted, (std::vector<TextSpan>{{0, 2}, {6, 11}}));
  text.append("", false);
  text.append("", true);
  text.append(TracedText::of("!", true));
  EXPECT_EQ(text.trusted, (std::vector<TextSpan>{{0, 2}, {6, 12}}));
}

TEST(TracedText, SlicesItsSpans) {
  TracedText text = mixed();
  EXPECT_EQ(text.slice(1, 7).trusted, (std::vector<TextSpan>{{0, 1}, {5, 6}}));
  EXPECT_EQ(text.slice(2, 6).trusted, std::vector<TextSpan>{});
  EXPECT_EQ(text.slice(8, 9).trusted, (std::vector<TextSpan>{{0, 1}}));
  EXPECT_EQ(text.slice(4, 4).trusted, std::vector<TextSpan>{});
}

TEST(TracedText, TrustsOnlyWhatLiesInOneSpan) {
  TracedText text = mixed();
  EXPECT_TRUE(text.is_trusted(0, 2));
  EXPECT_TRUE(text.is_trusted(6, 11));
  EXPECT_FALSE(text.is_trusted(0, 3));
  EXPECT_FALSE(text.is_trusted(1, 7));
  EXPECT_FALSE(text.is_trusted(5, 8));
  EXPECT_FALSE(text.is_wholly_trusted());
  EXPECT_TRUE(TracedText().is_wholly_trusted());
}

}  // namespace
}  // namespace weir
