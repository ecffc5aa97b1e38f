#include "adapt/fact_sentences.h"

#include <gtest/gtest.h>

namespace weir {
namespace {

std::vector<std::string_view> texts(std::string_view text, size_t count) {
  std::vector<std::string_view> out;
  for (const FactSentence& sentence : fact_sentences(text, count)) out.push_back(sentence.text);
  return out;
}

TEST(FactSentences, StateSomethingOfTheirOwn) {
  const char* text =
      "The backup runs every night at 02:30 on the server kappa. It takes some minutes in all. "
      "Is that often enough for you? See the next section for details about the options. "
      "Short one. The option keep_days sets how many days a backup is kept, 14 by default.";
  EXPECT_EQ(texts(text, 9),
            (std::vector<std::string_view>{
                "The backup runs every night at 02:30 on the server kappa.",
                "The option keep_days sets how many days a backup is kept, 14 by default."}));
  EXPECT_EQ(texts(text, 1).size(), 1u);
}

TEST(FactSentences, KnowTheirPlaceInTheText) {
  const auto found = fact_sentences("Hm.\nThe pump of line 4 is made by Marlow of Leeds.", 3);
  ASSERT_EQ(found.size(), 1u);
  EXPECT_EQ(found[0].index, 1u);
}

TEST(FactSentences, LeaveOutCodeAndTables) {
  EXPECT_TRUE(texts("SELECT a.x, b.y FROM (t1) a, (t2) b WHERE (a.z = b.z) && !(b.q);", 9).size() <=
              1);
  EXPECT_TRUE(texts("name | type | default | what it is for", 9).empty());
  EXPECT_TRUE(texts("{{}}[];:.,<>!@#$%^&*()-=+_ {{}}[];:.,<>", 9).empty());
}

TEST(FactSentences, OfChineseTexts) {
  EXPECT_EQ(
      texts("软件源列表在 /etc/apt/sources.list 文件里面。其内容由安装程序写入，之后可以修改。", 9),
      std::vector<std::string_view>{"软件源列表在 /etc/apt/sources.list 文件里面。"});
}

TEST(FactSentences, ThatNeedTheOneBefore) {
  EXPECT_FALSE(stands_alone("It is blue."));
  EXPECT_FALSE(stands_alone("这个文件很大。"));
  EXPECT_TRUE(stands_alone("Italy is a country."));
  EXPECT_TRUE(stands_alone("42 is a number."));
  EXPECT_TRUE(stands_alone(""));
}

}  // namespace
}  // namespace weir
