// Texts of an evaluation that training has nearly.
#include "tasks/near_copies.h"

#include <gtest/gtest.h>

namespace weir {
namespace {

constexpr char kStory[] =
    "Natalia sold clips to 48 of her friends in April, and then she sold half as many clips in "
    "May. "
    "How many clips did Natalia sell altogether?";

// The kind of copy that is found of `evaluated` in `learned`; -1 for none.
int kind_of(const std::string& evaluated, const std::string& learned) {
  NearCopies copies;
  EXPECT_TRUE(copies.add_evaluated("e:1", evaluated));
  copies.compare("l:1", learned);
  const std::vector<NearCopy> found = copies.copies();
  return found.empty() ? -1 : int(found[0].kind);
}
constexpr int kSame = int(CopyKind::same_text), kReordered = int(CopyKind::numbers_reordered),
              kOverlap = int(CopyKind::overlap);

TEST(NearCopies, WordsHaveNoCaseAndNoPunctuation) {
  EXPECT_EQ(words_of("What's 3+4? - Tell\tme!"),
            (std::vector<std::string>{"what", "s", "3", "4", "tell", "me"}));
  EXPECT_EQ(words_of("小明有3个，吃1个。Café"),
            (std::vector<std::string>{"小", "明", "有", "3", "个", "吃", "1", "个", "café"}));
  EXPECT_TRUE(words_of("").empty());
  EXPECT_FALSE(words_of("\xff\xc3").empty()) << "invalid bytes are a word";
}

TEST(NearCopies, FindsEachKind) {
  EXPECT_EQ(kind_of("What is 3 plus 4?", "what is 3 plus 4"), kSame);
  EXPECT_EQ(kind_of("What is 3 plus 14?", "What is 14 plus 3?"), kReordered);
  EXPECT_EQ(kind_of("What is 3 plus 4?", "What is 3 plus 5?"), -1);
  EXPECT_EQ(kind_of("小明有3个梨。", "小明有3个梨！"), kSame);
  EXPECT_EQ(kind_of(kStory, std::string("Here is a story. ") + kStory + " Answer:"), kOverlap);
  std::string other = kStory;
  other.replace(other.find("48"), 2, "50");
  EXPECT_EQ(kind_of(kStory, other), kOverlap) << "a run of 13 words is left";
  EXPECT_EQ(kind_of(kStory, "Natalia sold clips to her friends."), -1);
  // Twelve words: too few for the long run, all of its short ones.
  EXPECT_EQ(kind_of("a b c d e f g h i j k l", "x a b c d e f g h i j k l y"), kOverlap);
  EXPECT_EQ(kind_of("a b c d e f g h i j k l", "a b c d e f g h z z z z"), -1);
}

TEST(NearCopies, InstructionsThatManyProblemsShareAreNoCopies) {
  const std::string instruction =
      " Let us think step by step and write the final answer after four number signs please";
  NearCopies copies;
  for (int i = 0; i < 40; ++i)
    copies.add_evaluated("e", "Question " + std::string(1, char('a' + i % 26)) +
                                  std::string(1, char('a' + i / 26)) + instruction);
  copies.compare("l", "Something else." + instruction);
  EXPECT_TRUE(copies.copies().empty());
  copies.compare("l", "Question ba" + instruction);
  EXPECT_EQ(copies.copies().size(), 2u - 1u);
  EXPECT_EQ(copies.evaluated(), 40);
  EXPECT_EQ(copies.learned(), 2);
}

TEST(NearCopies, TheNearestCopyIsKept) {
  NearCopies copies;
  copies.add_evaluated("e:1", "What is 3 plus 4?");
  copies.compare("l:1", "What is 4 plus 3?");
  copies.compare("l:2", "What is 3 plus 4?");
  copies.compare("l:3", "What is 4 plus 3?");
  ASSERT_EQ(copies.copies().size(), 1u);
  EXPECT_EQ(copies.copies()[0].learned_place, "l:2");
}

}  // namespace
}  // namespace weir
