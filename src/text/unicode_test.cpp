#include "text/unicode.h"

#include <gtest/gtest.h>

#include <set>

#include "base/text.h"

namespace weir {
namespace {

TEST(Unicode, EveryCodePointSurvivesUtf8) {
  for (char32_t code = 0; code < 0x110000; ++code) {
    if (code >= 0xD800 && code < 0xE000) continue;
    std::string text;
    append_utf8(text, code);
    Utf8Character c = decode_utf8(text, 0);
    ASSERT_TRUE(c.valid);
    ASSERT_EQ(c.code, code);
    ASSERT_EQ(size_t(c.bytes), text.size());
    ASSERT_EQ(valid_utf8_prefix(text), text.size());
    for (size_t cut = 1; cut < text.size(); ++cut) {
      ASSERT_EQ(unfinished_utf8_tail(text.substr(0, cut)), cut);
    }
  }
}

TEST(Unicode, InvalidPartsAreReplacedAsPythonDoes) {
  // Each pair: bytes, and bytes.decode("utf8", "replace") with U+FFFD written as '?'.
  const std::pair<std::string, std::string> cases[] = {
      {"\x80", "?"},
      {"a\xFFz", "a?z"},
      {"\xC0\xAF", "??"},
      {"\xE0\x80\x80", "???"},
      {"\xED\xA0\x80", "???"},       // a surrogate
      {"\xF4\x90\x80\x80", "????"},  // beyond U+10FFFF
      {"\xE4\xBD", "?"},             // one character begun
      {"\xF0\x9F\x98", "?"},
      {"\xF0\x9F\x98x", "?x"},
      {"\xF0\x9F\xE4\xBD\xA0", "?\xE4\xBD\xA0"},
      {std::string("\0\x01", 2), std::string("\0\x01", 2)},
  };
  for (const auto& [bytes, expected] : cases) {
    std::string shown;
    for (char c : expected) shown += c == '?' ? "\uFFFD" : std::string(1, c);
    EXPECT_EQ(replace_invalid_utf8(bytes), shown);
  }
}

TEST(Unicode, TailIsOnlyWhatMayStillBecomeACharacter) {
  EXPECT_EQ(unfinished_utf8_tail(""), 0u);
  EXPECT_EQ(unfinished_utf8_tail("abc"), 0u);
  EXPECT_EQ(unfinished_utf8_tail("a\xE4\xBD\xA0"), 0u);
  EXPECT_EQ(unfinished_utf8_tail("a\xE4\xBD"), 2u);
  EXPECT_EQ(unfinished_utf8_tail("a\xE0\x80"), 0u);
  EXPECT_EQ(unfinished_utf8_tail("a\xFF"), 0u);
  EXPECT_EQ(unfinished_utf8_tail("\x80\x80\x80\x80"), 0u);
}

TEST(Unicode, ByteMapIsGpt2s) {
  EXPECT_EQ(byte_to_character(' '), 0x120u);
  EXPECT_EQ(byte_to_character('\n'), 0x10Au);
  EXPECT_EQ(byte_to_character(0), 0x100u);
  EXPECT_EQ(byte_to_character(0x7F), 0x121u);
  EXPECT_EQ(byte_to_character(0xAD), 0x143u);
  EXPECT_EQ(byte_to_character('A'), char32_t('A'));
  std::set<char32_t> characters;
  std::string all;
  for (int b = 0; b < 256; ++b) {
    characters.insert(byte_to_character(static_cast<unsigned char>(b)));
    EXPECT_EQ(character_to_byte(byte_to_character(static_cast<unsigned char>(b))), b);
    all += char(b);
  }
  EXPECT_EQ(characters.size(), 256u);
  EXPECT_EQ(characters_to_bytes(bytes_to_characters(all)), all);
  EXPECT_EQ(characters_to_bytes("a b"), std::nullopt);  // a space stands for no byte
  EXPECT_EQ(character_to_byte(0x144), -1);
}

TEST(Unicode, NfcComposes) {
  EXPECT_EQ(normalize_nfc("e\u0301"), "\u00E9");
  EXPECT_EQ(normalize_nfc("\u212B \u2126"), "\u00C5 \u03A9");
  EXPECT_EQ(normalize_nfc("q\u0307\u0323"), "q\u0323\u0307");  // reordered
  EXPECT_EQ(normalize_nfc("\u1112\u1161\u11AB"), "\uD55C");
  EXPECT_EQ(normalize_nfc("\u304B\u3099"), "\u304C");
  EXPECT_EQ(normalize_nfc("plain ASCII, \u00E9, \u4F60\u597D"),
            "plain ASCII, \u00E9, \u4F60\u597D");
  EXPECT_EQ(normalize_nfc("a\xFF"
                          "e\u0301\x80"),
            "a\xFF\u00E9\x80");  // invalid bytes stay
  EXPECT_EQ(normalize_nfc(""), "");
}

TEST(Unicode, LongRunsOfMarksStayFast) {
  // Reordering a run costs its square: a million alternating marks would take hours.
  std::string text = "a";
  for (int i = 0; i < 500'000; ++i) text += "\u0301\u0323";
  std::string normal = normalize_nfc(text);
  EXPECT_GT(normal.size(), text.size() - 8);
  EXPECT_EQ(valid_utf8_prefix(normal), normal.size());
}

}  // namespace
}  // namespace weir
