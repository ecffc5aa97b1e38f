#include "text/sentences.h"

#include <gtest/gtest.h>

#include <string>

namespace weir {
namespace {

using Sentences = std::vector<std::string_view>;

TEST(Sentences, EndAfterMarksAndWhatClosesThem) {
  EXPECT_EQ(split_sentences("It works. Does it? \"Yes!\" (It does.) Good"),
            (Sentences{"It works.", "Does it?", "\"Yes!\"", "(It does.)", "Good"}));
  EXPECT_EQ(split_sentences("Wait... What?! Nothing."),
            (Sentences{"Wait...", "What?!", "Nothing."}));
}

TEST(Sentences, DoNotEndInsideNumbersNamesAndAbbreviations) {
  for (const char* whole :
       {"PostgreSQL 15.4 needs 0.5 GiB.", "Ask Dr. Smith or J. Doe about it.",
        "Use a tool (e.g. Make) for it.", "See Fig. 3 and No. 7 there.", "Edit ~/.profile and go.",
        "1. Install it.", "The file .bashrc is read.", "It is called node.js and runs."})
    EXPECT_EQ(split_sentences(whole), Sentences{whole}) << whole;
  EXPECT_EQ(split_sentences("The answer is no. Ask Acme Inc. They know."),
            (Sentences{"The answer is no.", "Ask Acme Inc.", "They know."}));
  EXPECT_EQ(split_sentences("So do I. She does."), (Sentences{"So do I.", "She does."}));
}

TEST(Sentences, EndWithoutBlanksAfterFullWidthMarks) {
  EXPECT_EQ(split_sentences("水是湿的。火是热的！“是吗？”他问。用 3.5 版。"),
            (Sentences{"水是湿的。", "火是热的！", "“是吗？”", "他问。", "用 3.5 版。"}));
}

TEST(Sentences, EndWithTheLine) {
  EXPECT_EQ(split_sentences("Head\n\n- first item\n- second. Third\n  \n"),
            (Sentences{"Head", "- first item", "- second.", "Third"}));
  EXPECT_TRUE(split_sentences("").empty());
  EXPECT_TRUE(split_sentences(" \n\t\n").empty());
}

TEST(Sentences, TakeAnyBytes) {
  const std::string text = "a\xff. B\xe3\x80. C";
  size_t bytes = 0;
  for (std::string_view sentence : split_sentences(text)) bytes += sentence.size();
  EXPECT_EQ(bytes, text.size() - 2);
}

}  // namespace
}  // namespace weir
