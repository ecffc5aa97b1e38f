#include "text/terminal_text.h"

#include <gtest/gtest.h>

#include "base/text.h"

namespace weir {
namespace {

TEST(TerminalText, OneLineLeavesNothingThatATerminalObeys) {
  EXPECT_EQ(one_line("a\r\n\tb  c\n", 100), "a b c");
  EXPECT_EQ(one_line("\033[2Jx\x07\x7f\xc2\x9b", 100), "?[2Jx???");
  EXPECT_EQ(one_line("caf\xff\xe4\xb8", 100), "caf?");  // the tail may just have been cut
  EXPECT_EQ(one_line("a\xe2\x80\xae"
                     "b\xe2\x81\xa6",
                     100),
            "ab");                                         // marks of direction
  EXPECT_EQ(one_line("e\xcc\x81 x\xcc\xb6", 100), "é x");  // composed, or left out
  EXPECT_EQ(one_line("答案是七", 7), "答案");
  std::string zalgo = "z";
  for (int i = 0; i < 5000; ++i) zalgo += "\xcc\x95";
  EXPECT_EQ(one_line(zalgo, 100'000), "z");
}

TEST(TerminalText, OneLineIsValidAndFreeOfControlsForAnyBytes) {
  std::string bytes;
  for (int i = 0; i < 256; ++i)
    for (int j = 0; j < 256; j += 5) bytes += {char(i), char(j)};
  const std::string line = one_line(bytes, bytes.size());
  EXPECT_EQ(first_invalid_utf8(line), std::string::npos);
  for (char c : line) EXPECT_TRUE(static_cast<unsigned char>(c) >= 0x20 && c != 0x7f);
  EXPECT_EQ(printable(line, line.size()), line);
}

TEST(TerminalText, ChineseTakesTwoColumnsAndColorNone) {
  EXPECT_EQ(columns_of("abc"), 3);
  EXPECT_EQ(columns_of("答案 7"), 6);
  EXPECT_EQ(columns_of("\033[1mab\033[0m"), 2);
  EXPECT_EQ(columns_of("▁█✓━"), 4);
  EXPECT_EQ(columns_of("，！😀"), 6);
}

TEST(TerminalText, CutsAtColumnsNotInCharacters) {
  EXPECT_EQ(cut_columns("abcdef", 6), "abcdef");
  EXPECT_EQ(cut_columns("abcdefg", 6), "abcde…");
  EXPECT_EQ(cut_columns("答案是", 5), "答案…");
  EXPECT_EQ(cut_columns("答案是", 4), "答…");
  EXPECT_EQ(cut_columns("abc", 0), "");
  EXPECT_EQ(cut_columns("答", 1), "…");
}

TEST(TerminalText, WrapsAtBlanksAndBreaksLongWords) {
  using Lines = std::vector<std::string>;
  EXPECT_EQ(wrap_columns("one two three", 9, 5), (Lines{"one two", "three"}));
  EXPECT_EQ(wrap_columns("abcdefghijkl", 5, 5), (Lines{"abcde", "fghij", "kl"}));
  EXPECT_EQ(wrap_columns("a bcdefghijkl", 6, 5), (Lines{"a bcde", "fghijk", "l"}));
  EXPECT_EQ(wrap_columns("one two three four", 8, 2), (Lines{"one two", "three f…"}));
  EXPECT_EQ(wrap_columns("", 8, 2), Lines{});
  EXPECT_EQ(wrap_columns("abc", 1, 2), Lines{});
  for (const std::string& line : wrap_columns("答案是七，因为三加四等于七", 7, 9))
    EXPECT_LE(columns_of(line), 7);
}

TEST(InkedLine, NeverExceedsItsColumns) {
  InkedLine line(10, true);
  EXPECT_TRUE(line.add_whole("name", Ink::bold));
  EXPECT_FALSE(line.add_whole("value"));  // 4 + 2 + 5
  EXPECT_TRUE(line.add_whole("valu"));
  line.add("more");
  EXPECT_EQ(line.left(), 0);
  EXPECT_EQ(line.text(), "\033[1mname\033[0m  valu");
  InkedLine plain(10, false);
  EXPECT_EQ(plain.add("name", Ink::bad).text(), "name");
}

TEST(FactLines, N22WrapUnderThemselves) {
  const std::string plan =
      "about 22 m 10 s; steps: base 349, cold-start 21, reasoning-rl 41, general-sft 87, "
      "helpful-model 20, safety-model 44, all-scenario-rl 33";
  EXPECT_EQ(fact_lines("plan", plan, 0), std::vector<std::string>{"plan      " + plan});
  for (int columns : {40, 60, 100}) {
    const std::vector<std::string> lines = fact_lines("plan", plan, columns);
    std::string text;
    for (size_t i = 0; i < lines.size(); ++i) {
      EXPECT_LT(columns_of(lines[i]), columns);
      EXPECT_EQ(lines[i].substr(0, 10), i == 0 ? "plan      " : std::string(10, ' '));
      text += (i ? " " : "") + lines[i].substr(10);
    }
    EXPECT_EQ(text, plan) << "nothing is cut";
  }
}

TEST(HangingLines, GoOnUnderTheTextOfALabel) {
  EXPECT_EQ(hanging_lines("short", 20), std::vector<std::string>{"short"});
  EXPECT_EQ(hanging_lines("  base  one two three four", 20),
            (std::vector<std::string>{"  base  one two", "        three four"}));
  EXPECT_EQ(hanging_lines("warning: all groups are alike", 20),
            (std::vector<std::string>{"warning: all groups", "  are alike"}));
  EXPECT_EQ(hanging_lines(std::string(30, 'x'), 20).size(), 2u);
  for (int columns = 2; columns < 12; ++columns)
    for (const std::string& line : hanging_lines("    label    text of it", columns))
      EXPECT_LE(columns_of(line), columns);
}

}  // namespace
}  // namespace weir
