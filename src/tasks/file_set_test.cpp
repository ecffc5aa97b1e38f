// The kind "file" as a recipe sees it: options, sides, golds.
#include <fmt/format.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <set>

#include "base/atomic_output.h"
#include "testing/problem_fixture.h"

namespace weir {
namespace {

// A file below the system's temporary folder, removed at the end.
class TemporaryFile {
 public:
  explicit TemporaryFile(std::string_view bytes)
      : path_(testing::TempDir() + "weir_problems_" +
              testing::UnitTest::GetInstance()->current_test_info()->name() + ".jsonl") {
    Result<void> written = write_file_atomic(path_, bytes);
    EXPECT_TRUE(written);
  }
  ~TemporaryFile() { std::filesystem::remove(path_); }
  std::string recipe(const std::string& more = "") const {
    return "{kind: file, path: " + path_ + more + "}";
  }
  const std::string& path() const { return path_; }

 private:
  std::string path_;
};

std::string rows(int count) {
  std::string text;
  for (int i = 0; i < count; ++i)
    text +=
        fmt::format("{{\"question\":\"What is {} plus 1?\",\"answer\":\"#### {}\"}}\n", i, i + 1);
  return text;
}

TEST(FileSet, SidesHaveTheShareAskedForAndNoQuestionInCommon) {
  // Every question three times: all three are on one side.
  const TemporaryFile file(rows(1000) + rows(1000) + rows(1000));
  for (double share : {0.0, 0.2, 1.0}) {
    const auto set = must_set(file.recipe(fmt::format(", held_out: {}", share)));
    ASSERT_NE(set, nullptr);
    const int64_t train = set->count(Split::train), held_out = set->count(Split::held_out);
    EXPECT_EQ(train + held_out, 3000);
    EXPECT_NEAR(double(held_out), share * 3000, 150) << share;
    std::set<std::string> seen;
    for (int64_t i = 0; i < train; ++i) seen.insert(asked(must_make(*set, uint64_t(i))));
    for (int64_t i = 0; i < held_out; ++i)
      EXPECT_FALSE(seen.contains(asked(must_make(*set, uint64_t(i), Split::held_out))));
    EXPECT_FALSE(set->make(1, Split::train, uint64_t(train)));
  }
}

TEST(FileSet, TheSeedDoesNotMatter) {
  const TemporaryFile file(rows(50));
  const auto set = must_set(file.recipe());
  ASSERT_NE(set, nullptr);
  for (uint64_t i = 0; i < 20; ++i)
    EXPECT_EQ(asked(must_make(*set, i, Split::train, 1)),
              asked(must_make(*set, i, Split::train, 2)));
}

TEST(FileSet, OptionsFillInWhatRowsDoNotSay) {
  const TemporaryFile file("{\"question\":\"你好吗\",\"answer\":\"b\"}\n");
  const auto plain = must_set(file.recipe(", held_out: 0"));
  ASSERT_NE(plain, nullptr);
  EXPECT_EQ(must_make(*plain, 0).language, "zh");
  EXPECT_EQ(must_make(*plain, 0).family, "file");
  EXPECT_EQ(must_make(*plain, 0).verifier, "");
  EXPECT_EQ(must_make(*plain, 0).place, file.path() + ":1");
  const auto other =
      must_set(file.recipe(", held_out: 0, language: en, family: mine, verifier: exact"));
  ASSERT_NE(other, nullptr);
  EXPECT_EQ(must_make(*other, 0).language, "en");
  EXPECT_EQ(must_make(*other, 0).family, "mine");
  EXPECT_EQ(verdict_of(must_make(*other, 0), " B "), Verdict::right);
}

TEST(FileSet, TheNotesCountWhatWasLeftOut) {
  const TemporaryFile file(rows(9) + "{\"question\":\"a\",\"answer\":\"\"}\n");
  const auto set = must_set(file.recipe(", held_out: 0, limit: 5"));
  ASSERT_NE(set, nullptr);
  EXPECT_EQ(set->count(Split::train), 5);
  const std::vector<SetNote> notes = set->notes();
  ASSERT_EQ(notes.size(), 1u);
  EXPECT_EQ(notes[0].text, "1 of 10 rows left out: 'answer' is empty");
  EXPECT_EQ(notes[0].place, file.path() + ":10");
  EXPECT_TRUE(notes[0].is_warning);
}

TEST(FileSet, F11TheShareThatIsLeftOutHasALimit) {
  const std::string odd = "{\"question\":\"a\",\"answer\":null}\n";
  {
    const TemporaryFile half(rows(2) + odd + odd);
    EXPECT_EQ(set_error(half.recipe()), "");
    EXPECT_NE(set_error(half.recipe(", left_out_max: 0")).find("'left_out_max' 0:"),
              std::string::npos);
    EXPECT_NE(set_error(half.recipe(", left_out_max: 2")).find("'left_out_max' must be"),
              std::string::npos);
  }
  const TemporaryFile most(rows(2) + odd + odd + odd);
  const std::string error = set_error(most.recipe());
  EXPECT_NE(error.find("3 of 5 rows cannot be used, which is more than 'left_out_max' 0.5: "
                       "'answer' is null (3 rows, the first " +
                       most.path() + ":3)"),
            std::string::npos)
      << error;
  EXPECT_EQ(set_error(most.recipe(", left_out_max: 0.6")), "");
}

TEST(FileSet, F12ColumnsThatAQuestionMayNeedAreAWarning) {
  const TemporaryFile file(
      "{\"question\":\"a\",\"answer\":\"b\",\"choices\":[\"b\",\"c\"],\"id\":1}\n");
  const auto set = must_set(file.recipe(", held_out: 0"));
  ASSERT_NE(set, nullptr);
  const std::vector<SetNote> notes = set->notes();
  ASSERT_EQ(notes.size(), 2u);
  EXPECT_TRUE(notes[0].is_warning);
  EXPECT_EQ(
      notes[0].text,
      "1 of 1 rows: 'choices' is not read; if the question needs it, put it into the question");
  EXPECT_EQ(notes[1].text, "columns that are not read (in so many rows): choices (1), id (1)");
}

TEST(FileSet, F11BrokenRowsAndGoldsAreSkippedOnlyWhenAsked) {
  const TemporaryFile file(rows(8) + "{\"question\":\n{\"question\":\"a\",\"answer\":\"many\"}\n");
  EXPECT_NE(set_error(file.recipe()).find(":9: not a JSON object"), std::string::npos);
  const auto set = must_set(file.recipe(", held_out: 0, verifier: numeric, skip_bad_rows: true"));
  ASSERT_NE(set, nullptr);
  EXPECT_EQ(set->count(Split::train), 8);
  const std::vector<SetNote> notes = set->notes();
  ASSERT_EQ(notes.size(), 2u);
  EXPECT_TRUE(notes[0].text.starts_with("1 of 10 rows left out: broken: not a JSON object"));
  EXPECT_TRUE(notes[1].text.starts_with("1 of 10 rows left out: broken: ")) << notes[1].text;
  EXPECT_EQ(notes[1].place, file.path() + ":10");
}

TEST(FileSet, F11ConversationsThatEndWithTheUserAreLeftOut) {
  const TemporaryFile file(
      R"({"messages":[{"role":"user","content":"a"},{"role":"assistant","content":"b"}]})"
      "\n"
      R"({"messages":[{"role":"user","content":"a"}]})"
      "\n");
  const auto set = must_set(file.recipe(", held_out: 0"));
  ASSERT_NE(set, nullptr);
  EXPECT_EQ(set->count(Split::train), 1);
  ASSERT_EQ(set->notes().size(), 1u);
  EXPECT_TRUE(set->notes()[0].text.starts_with("1 of 2 rows left out: ends with the user"));
}

TEST(FileSet, F12NamesOfNoNaturalLanguageLeaveItToTheLetters) {
  const TemporaryFile file(
      "{\"question\":\"How many eggs?\",\"answer\":\"b\",\"language\":\"python\"}\n"
      "{\"question\":\"Combien de pommes?\",\"answer\":\"b\",\"language\":\"French\"}\n");
  const auto set = must_set(file.recipe(", held_out: 0"));
  ASSERT_NE(set, nullptr);
  EXPECT_EQ(must_make(*set, 0).language, "en");
  EXPECT_EQ(must_make(*set, 1).language, "");
}

TEST(FileSet, EachWrongOptionOrGoldIsOneSentenceWithItsPlace) {
  const TemporaryFile file(rows(3) + "{\"question\":\"a\",\"answer\":\"many\"}\n");
  EXPECT_NE(set_error("{kind: file}").find("'path' must name a JSON or JSONL file"),
            std::string::npos);
  EXPECT_NE(set_error("{kind: file, path: /none/such.jsonl}").find("/none/such.jsonl"),
            std::string::npos);
  EXPECT_NE(set_error(file.recipe(", format: csv")).find("'format' must be"), std::string::npos);
  EXPECT_NE(set_error(file.recipe(", held_out: 3")).find("'held_out' must be"), std::string::npos);
  EXPECT_NE(set_error(file.recipe(", verifier: numerik")).find("did you mean 'numeric'?"),
            std::string::npos);
  const std::string bad_gold = set_error(file.recipe(", verifier: numeric"));
  EXPECT_TRUE(bad_gold.starts_with(file.path() + ":4: ")) << bad_gold;
  EXPECT_EQ(set_error(file.recipe(", verifier: exact")), "");
}

TEST(FileSet, QuestionsWithoutReplyNeedAGold) {
  const std::string question = "{\"messages\":[{\"role\":\"user\",\"content\":\"a\"}]";
  const TemporaryFile with(question + ",\"gold\":\"1\",\"verifier\":\"numeric\"}");
  EXPECT_EQ(set_error(with.recipe()), "");
  const TemporaryFile without(question + "}");
  for (const char* option : {"", ", verifier: exact"})
    EXPECT_NE(set_error(without.recipe(option)).find("add a reply, or a gold and a verifier"),
              std::string::npos);
  const TemporaryFile no_verifier(question + ",\"gold\":\"1\"}");
  EXPECT_NE(set_error(no_verifier.recipe()).find("set the source's 'verifier'"), std::string::npos);
}

}  // namespace
}  // namespace weir
