#include "chat/yes_no.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>

#include "testing/tiny_models.h"

namespace weir {
namespace {

TEST(YesNo, IsTheFirstWordOfAText) {
  for (const char* yes :
       {"Yes", " yes", "YES.", "\n**Yes**, it is", "\"yes\"", "是", "是的", "有。"})
    EXPECT_EQ(yes_or_no(yes), std::optional(true)) << yes;
  for (const char* no : {"No", " no", "NO!", "`No`", "否", "不是", "没有", "不"})
    EXPECT_EQ(yes_or_no(no), std::optional(false)) << no;
  for (const char* neither :
       {"", " ", "Nothing", "Not", "Note", "Now", "None", "Yesterday", "The", "Maybe no", "答"})
    EXPECT_EQ(yes_or_no(neither), std::nullopt) << neither;
}

TEST(YesNo, TheShareIsOfTokensThatSayEither) {
  YesShare share;
  EXPECT_EQ(share.yes(), std::nullopt);
  share.add("The", std::log(0.5));
  share.add("Nothing", std::log(0.1));
  EXPECT_EQ(share.yes(), std::nullopt);
  share.add(" Yes", std::log(0.2));
  share.add("是", std::log(0.1));
  share.add("no", std::log(0.1));
  ASSERT_TRUE(share.yes());
  EXPECT_NEAR(*share.yes(), 0.75, 1e-12);
}

// Bytes are tokens: Y, y, N and n begin the words, and so does the blank that both begin with.
TEST(YesNo, TheFilterAllowsWordsThatSayEitherAndReadsTheirShare) {
  const Tokenizer tokenizer = make_byte_tokenizer({}, "");
  auto filter = YesNoFilter::create(tokenizer);
  ASSERT_TRUE(filter) << filter.error().message;
  const auto id = [&](const char* text) { return size_t(tokenizer.encode(text)->front()); };
  std::vector<float> logits(size_t(tokenizer.size()), 5.f);
  logits[id("Y")] = float(std::log(3));
  logits[id("y")] = logits[id("N")] = logits[id("n")] = 0;
  std::vector<uint8_t> is_forbidden(logits.size());
  filter->forbid({}, logits, is_forbidden);
  EXPECT_NEAR(filter->yes(), 4.0 / 6, 1e-6);
  EXPECT_EQ(std::count(is_forbidden.begin(), is_forbidden.end(), 0), 4);
  for (const char* word : {"Y", "y", "N", "n"}) EXPECT_FALSE(is_forbidden[id(word)]) << word;
}

}  // namespace
}  // namespace weir
