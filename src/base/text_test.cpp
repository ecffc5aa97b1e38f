#include "base/text.h"

#include <gtest/gtest.h>

#include <cmath>

namespace weir {
namespace {

TEST(Text, NumbersForPeople) {
  EXPECT_EQ(format_bytes(0), "0 B");
  EXPECT_EQ(format_bytes(1023), "1023 B");
  EXPECT_EQ(format_bytes(1024), "1.0 KiB");
  EXPECT_EQ(format_bytes(1.4 * (1 << 30)), "1.4 GiB");
  EXPECT_EQ(format_bytes(1024 * 1024 - 1), "1.0 MiB") << "not 1024.0 KiB";
  EXPECT_EQ(format_bytes(5e15), "4547.5 TiB");
  EXPECT_EQ(format_count(999), "999");
  EXPECT_EQ(format_count(1000), "1.0 k");
  EXPECT_EQ(format_count(999'999), "1.0 M") << "not 1000.0 k";
  EXPECT_EQ(format_count(2.8e6), "2.8 M");
  EXPECT_EQ(format_count(15.7e9), "15.7 B");
  EXPECT_EQ(format_count(-1500), "-1.5 k");
  EXPECT_EQ(format_seconds(0.04), "0.0 s");
  EXPECT_EQ(format_seconds(-1), "0.0 s");
  EXPECT_EQ(format_seconds(9.96), "10 s");
  EXPECT_EQ(format_seconds(125), "2 m 05 s");
  EXPECT_EQ(format_seconds(59.7), "1 m 00 s");
  EXPECT_EQ(format_seconds(3600 * 5 + 61), "5 h 01 m");
  EXPECT_EQ(format_seconds(86400 * 3 + 7200), "3 d 02 h");
  EXPECT_EQ(format_seconds(HUGE_VAL), "unknown time");
  EXPECT_EQ(format_seconds(std::nan("")), "unknown time");
}

TEST(Text, SplitKeepsEmptyParts) {
  using Parts = std::vector<std::string>;
  EXPECT_EQ(split("a,b,,c", ','), (Parts{"a", "b", "", "c"}));
  EXPECT_EQ(split("", ','), (Parts{""}));
  EXPECT_EQ(split(",", ','), (Parts{"", ""}));
  EXPECT_EQ(trim(" \t a b\r\n"), "a b");
  EXPECT_EQ(trim(" \n "), "");
}

TEST(Text, NumbersAreReadWholeOrNotAtAll) {
  EXPECT_EQ(*parse_int("-9223372036854775808"), INT64_MIN);
  EXPECT_EQ(parse_int("9223372036854775808").error().message,
            "'9223372036854775808' is out of range");
  EXPECT_EQ(parse_int("12x").error().message, "'12x' is not a whole number");
  for (const char* text : {"", " 1", "1 ", "+1", "1.0", "0x10", "one"})
    EXPECT_FALSE(parse_int(text)) << text;
  EXPECT_EQ(*parse_double("-1e-3"), -1e-3);
  EXPECT_EQ(*parse_double("7"), 7.0);
  EXPECT_EQ(parse_double("1e999").error().message, "'1e999' is out of range");
  for (const char* text : {"", " 1", "1 ", "+1", "1.0.0", "nan", "inf", "-infinity", "1e"})
    EXPECT_FALSE(parse_double(text)) << text;
}

TEST(Text, TheNearestWordIsNear) {
  std::vector<std::string> known = {"learning_rate", "steps", "batch", "lr"};
  EXPECT_EQ(nearest_word("learning_rat", known), "learning_rate");
  EXPECT_EQ(nearest_word("setps", known), "steps");
  EXPECT_EQ(nearest_word("rl", known), "") << "two changes of two letters are no likeness";
  EXPECT_EQ(nearest_word("completely_else", known), "");
  EXPECT_EQ(nearest_word("", known), "");
  EXPECT_EQ(nearest_word("steps", {}), "");
  EXPECT_EQ(nearest_word(std::string(1'000'000, 's'), known), "");
}

TEST(Text, MessagesHoldNoControlCharacters) {
  EXPECT_EQ(printable("caf\u00e9 \U0001f600"), "caf\u00e9 \U0001f600");
  EXPECT_EQ(printable("a\033[2Jb\nc\x7f"), "a?[2Jb?c?");
  EXPECT_EQ(printable("\u009b2J\u00a0"), "?2J\u00a0");
  EXPECT_EQ(printable("\xff\xc3(\xe2\x82"), "\?\?(\?\?");
  EXPECT_EQ(printable("12345", 5), "12345");
  EXPECT_EQ(printable("123456", 5), "12345...");
  EXPECT_EQ(printable("1234\u00e9", 5), "1234...") << "no character is cut in two";
}

TEST(Text, FindsTheFirstByteThatIsNoUtf8) {
  EXPECT_EQ(first_invalid_utf8(""), std::string_view::npos);
  EXPECT_EQ(first_invalid_utf8("plain, \u00e9, \u20ac, \U0001f600, \uffff, \U0010ffff"),
            std::string_view::npos);
  struct Case {
    std::string_view bytes;
    const char* why;
  };
  for (Case bad : {Case{"\x80", "a continuation byte alone"},
                   {"\xc3", "cut off"},
                   {"\xe2\x82", "cut off"},
                   {"\xf0\x9f\x98", "cut off"},
                   {"\xc0\x80", "overlong"},
                   {"\xc1\xbf", "overlong"},
                   {"\xe0\x9f\xbf", "overlong"},
                   {"\xf0\x8f\xbf\xbf", "overlong"},
                   {"\xed\xa0\x80", "a surrogate"},
                   {"\xf4\x90\x80\x80", "above U+10FFFF"},
                   {"\xf5\x80\x80\x80", "no first byte"},
                   {"\xff", "no first byte"},
                   {"\xc3(", "no second byte"}}) {
    // At every distance from the start, for the path that looks at eight bytes at once.
    for (size_t before = 0; before < 20; ++before) {
      std::string text = std::string(before, 'a') + std::string(bad.bytes);
      EXPECT_EQ(first_invalid_utf8(text), before) << bad.why;
      EXPECT_EQ(first_invalid_utf8(text + "0123456789"), before) << bad.why;
    }
  }
}

// Every code point, encoded here by the definition in RFC 3629, section 3.
TEST(Text, AcceptsEveryCodePoint) {
  for (uint32_t c = 0; c <= 0x10ffff; ++c) {
    std::string s;
    if (c < 0x80) {
      s = {char(c)};
    } else if (c < 0x800) {
      s = {char(0xc0 | c >> 6), char(0x80 | (c & 63))};
    } else if (c < 0x10000) {
      s = {char(0xe0 | c >> 12), char(0x80 | (c >> 6 & 63)), char(0x80 | (c & 63))};
    } else {
      s = {char(0xf0 | c >> 18), char(0x80 | (c >> 12 & 63)), char(0x80 | (c >> 6 & 63)),
           char(0x80 | (c & 63))};
    }
    bool surrogate = c >= 0xd800 && c < 0xe000;
    ASSERT_EQ(first_invalid_utf8(s), surrogate ? 0 : std::string_view::npos) << c;
  }
}

TEST(Text, HexDigitsOfBothCases) {
  EXPECT_EQ(hex_digit('0'), 0);
  EXPECT_EQ(hex_digit('9'), 9);
  EXPECT_EQ(hex_digit('a'), 10);
  EXPECT_EQ(hex_digit('F'), 15);
  for (char c : {'g', 'G', '/', ':', '@', '`', ' '}) EXPECT_EQ(hex_digit(c), -1) << c;
}

}  // namespace
}  // namespace weir
