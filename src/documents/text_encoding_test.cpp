#include "documents/text_encoding.h"

#include <gtest/gtest.h>

namespace weir {
namespace {

using namespace std::string_literals;

// The bytes are those of Python's str.encode().
TEST(TextEncoding, DetectsOneLine) {
  struct Case {
    std::string bytes, encoding, text;
  };
  const Case cases[] = {
      {"plain", "UTF-8", "plain"},
      {"\xEF\xBB\xBF\xE4\xB8\xAD", "UTF-8", "中"},
      {"\xFF\xFE\x2D\x4E\x87\x65", "UTF-16LE", "中文"},
      {"\xFE\xFF\x4E\x2D\x65\x87", "UTF-16BE", "中文"},
      {"a\0,\0b\0\n\0"s, "UTF-16LE", "a,b\n"},
      {"\0a\0,\0b\0\n"s, "UTF-16BE", "a,b\n"},
      {"Gr\xFC\xDF"
       "e aus K\xF6ln, 5 \x80",
       "WINDOWS-1252", "Grüße aus Köln, 5 €"},
      {"\xD6\xD0\xCE\xC4\xB7\xA2\xC6\xB1\xA3\xBA\xD7\xDC\xBC\xC6 25 \xD4\xAA", "GB18030",
       "中文发票：总计 25 元"},
      {"\xA4\xA4\xA4\xE5\xB5o\xB2\xBC\xA1G\xC1`\xADp 25 \xA4\xB8", "BIG5-HKSCS",
       "中文發票：總計 25 元"},
      {"\x90\xBF\x8B\x81\x8F\x91\x82\xCC\x8D\x87\x8Cv 25 \x89~\x82\xC5\x82\xB7", "CP932",
       "請求書の合計 25 円です"},
      {"\xD1\xF7\xB8\xF2 \xED\xE0 \xEE\xEF\xEB\xE0\xF2\xF3, \xC8\xF2\xEE\xE3\xEE 25",
       "WINDOWS-1251", "Счёт на оплату, Итого 25"},
  };
  for (const Case& c : cases) {
    const Result<DecodedText> decoded = decode_text(c.bytes);
    ASSERT_TRUE(decoded) << c.text << ": " << decoded.error().message;
    EXPECT_EQ(decoded->encoding, c.encoding) << c.text;
    EXPECT_EQ(decoded->text, c.text);
  }
}

TEST(TextEncoding, BelievesWhatIsDeclaredUnlessTheBytesContradict) {
  EXPECT_EQ(detect_encoding("caf\xE9", "iso-8859-1"), "WINDOWS-1252");
  EXPECT_EQ(detect_encoding("\xC3\xA9t\xC3\xA9", "iso-8859-1"), "UTF-8");
  EXPECT_EQ(detect_encoding("\xEB\xC9\xD2", "koi8-r"), "KOI8-R");
  EXPECT_EQ(detect_encoding("caf\xE9", "no-such-encoding"), "WINDOWS-1252");
  EXPECT_EQ(detect_encoding("caf\xE9", "utf-8"), "WINDOWS-1252");
}

TEST(TextEncoding, KeepsUtf8WithADamagedByte) {
  const Result<DecodedText> decoded =
      decode_text("één, twee, drieëntwintig, geïnd, zoë, naïef \xFF" + std::string(200, '.'));
  ASSERT_TRUE(decoded);
  EXPECT_EQ(decoded->encoding, "UTF-8");
  EXPECT_EQ(decoded->replaced, 1u);
}

TEST(TextEncoding, RefusesWhatIsNoText) {
  EXPECT_FALSE(
      decode_text("\x7F"
                  "ELF\x02\x01\x01\0\0\0\0\0\0\0\0\0\x03\0>\0\x01"s));
}

TEST(TextEncoding, UnifiesLineEnds) { EXPECT_EQ(decode_text("a\r\nb\rc\n")->text, "a\nb\nc\n"); }

TEST(TextEncoding, FindsDeclarations) {
  EXPECT_EQ(declared_encoding("<?xml version='1.0' encoding='gb2312'?>"), "GB2312");
  EXPECT_EQ(declared_encoding("<html><meta charset=\"big5\">"), "BIG5");
  EXPECT_EQ(declared_encoding("<meta http-equiv=x content=\"text/html; charset=Shift_JIS\">"),
            "SHIFT_JIS");
  EXPECT_EQ(declared_encoding("<p>charset</p>"), "");
}

}  // namespace
}  // namespace weir
