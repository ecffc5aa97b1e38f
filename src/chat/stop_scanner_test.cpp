#include "chat/stop_scanner.h"

#include <gtest/gtest.h>

#include "base/random.h"

namespace weir {
namespace {

StopScanner scanner_of(const std::vector<std::string>& stops) {
  auto scanner = StopScanner::create(stops);
  EXPECT_TRUE(scanner.has_value());
  return *std::move(scanner);
}

TEST(StopScanner, WithoutStopsTextPassesAtOnce) {
  StopScanner scanner = scanner_of({});
  EXPECT_EQ(scanner.push("abc"), "abc");
  EXPECT_EQ(scanner.finish(), "");
}

TEST(StopScanner, StopAcrossPiecesIsNeverShown) {
  StopScanner scanner = scanner_of({"\nUser:"});
  EXPECT_EQ(scanner.push("Hello\n"), "Hello");
  EXPECT_EQ(scanner.push("Us"), "");
  EXPECT_EQ(scanner.push("er: more"), "");
  EXPECT_TRUE(scanner.found());
  EXPECT_EQ(scanner.stop(), "\nUser:");
  EXPECT_EQ(scanner.push("after"), "");
  EXPECT_EQ(scanner.finish(), "");
}

TEST(StopScanner, WhatBecomesNoStopIsShownLater) {
  StopScanner scanner = scanner_of({"\nUser:"});
  EXPECT_EQ(scanner.push("a\nUs"), "a");
  EXPECT_EQ(scanner.push("ual"), "\nUsual");
  EXPECT_EQ(scanner.push("\n"), "");
  EXPECT_EQ(scanner.finish(), "\n");
  EXPECT_FALSE(scanner.found());
}

TEST(StopScanner, RepeatedPrefixesFallBack) {
  StopScanner scanner = scanner_of({"aab"});
  EXPECT_EQ(scanner.push("aaa"), "a");
  EXPECT_EQ(scanner.push("b"), "");
  EXPECT_TRUE(scanner.found());
}

TEST(StopScanner, FirstCompleteWinsThenTheLongest) {
  StopScanner scanner = scanner_of({"c", "bcd"});
  EXPECT_EQ(scanner.push("abcd"), "ab");
  EXPECT_EQ(scanner.stop(), "c");
  StopScanner both = scanner_of({"c", "bc"});
  EXPECT_EQ(both.push("abc"), "a");
  EXPECT_EQ(both.stop(), "bc");
}

TEST(StopScanner, ResultDoesNotDependOnTheCuts) {
  // Texts over two letters meet many partial matches; cut at random, they must agree with one
  // piece.
  Random random(1, 0);
  for (int round = 0; round < 2000; ++round) {
    std::vector<std::string> stops(1 + random.below(3));
    for (auto& s : stops)
      for (uint64_t n = 1 + random.below(6); n > 0; --n) s += char('a' + random.below(2));
    std::string text;
    for (uint64_t n = random.below(30); n > 0; --n) text += char('a' + random.below(2));
    // By definition: the shortest prefix of the text that ends with a stop.
    std::string expected = text;
    for (size_t end = 1; end <= text.size() && expected == text; ++end) {
      size_t longest = 0;
      for (const auto& s : stops)
        if (end >= s.size() && text.compare(end - s.size(), s.size(), s) == 0)
          longest = std::max(longest, s.size());
      if (longest) {
        expected = text.substr(0, end - longest);
        break;
      }
    }
    StopScanner scanner = scanner_of(stops);
    std::string shown;
    for (size_t at = 0; at < text.size();) {
      size_t count = 1 + random.below(4);
      shown += scanner.push(std::string_view(text).substr(at, count));
      at += count;
      ASSERT_EQ(expected.compare(0, shown.size(), shown), 0);
    }
    shown += scanner.finish();
    ASSERT_EQ(shown, expected) << text;
  }
}

TEST(StopScanner, BadStopsAreRefused) {
  EXPECT_FALSE(StopScanner::create({""}).has_value());
  EXPECT_FALSE(StopScanner::create({"\xff"}).has_value());
  EXPECT_FALSE(StopScanner::create({std::string(1025, 'a')}).has_value());
  EXPECT_FALSE(StopScanner::create(std::vector<std::string>(65, "a")).has_value());
  EXPECT_TRUE(StopScanner::create({std::string(1024, 'a')}).has_value());
}

}  // namespace
}  // namespace weir
