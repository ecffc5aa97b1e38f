#include "base/encoding.h"

#include <gtest/gtest.h>

namespace weir {
namespace {

std::string repeated(const std::string& text, int count) {
  std::string all;
  for (int i = 0; i < count; ++i) all += text;
  return all;
}

TEST(Encoding, F17NamesWhatIsNotUtf8AndHowToConvertIt) {
  struct Case {
    std::string bytes;
    const char* part;  // of the answer
  };
  // As iconv writes "中国的首都是北京。" (GBK), "中國的首都是北京。" (Big5) and "déjà vu"
  // (Latin-1).
  const std::string gbk =
      "\xd6\xd0\xb9\xfa\xb5\xc4\xca\xd7\xb6\xbc\xca\xc7\xb1\xb1\xbe\xa9\xa1\xa3";
  const std::string big5 =
      "\xa4\xa4\xb0\xea\xaa\xba\xad\xba\xb3\xa3\xac\x4f\xa5\x5f\xa8\xca\xa1\x43";
  const Case cases[] = {
      {gbk, "probably GBK (GB 18030); convert it to UTF-8: iconv -f GB18030 -t UTF-8 'a b.jsonl'"},
      {"{\"question\": \"" + repeated(gbk, 1000) + "\"}", "probably GBK"},
      {big5, "perhaps Big5, Shift-JIS or GBK"},
      {"d\xe9j\xe0 vu", "probably Windows-1252"},
      {std::string("\xff\xfe{\0}\0", 6), "UTF-16LE; convert it to UTF-8: iconv -f UTF-16LE"},
      {std::string("\xfe\xff\0{\0}", 6), "UTF-16BE"},
      {std::string("{\0\"\0a\0", 6), "UTF-16LE"},
      {std::string("\0{\0\"\0a", 6), "UTF-16BE"},
      {std::string("\xff\xfe\0\0{\0\0\0", 8), "UTF-32LE"},
  };
  for (const Case& c : cases)
    EXPECT_NE(foreign_encoding(c.bytes, "a b.jsonl").find(c.part), std::string::npos)
        << foreign_encoding(c.bytes, "a b.jsonl");
}

TEST(Encoding, SaysNothingOfUtf8AndOfBytesThatAreNoText) {
  const std::string text = "中国的首都是北京。 déjà vu 日本語 Привет";
  for (const std::string& bytes :
       {std::string(), std::string("plain"), text, repeated(text, 30'000), text + "\xff",
        std::string("\x7f"
                    "ELF\0\xff\xfe\xfd",
                    8),
        "\xef\xbb\xbf" + text})
    EXPECT_EQ(foreign_encoding(bytes, "f"), "") << bytes.substr(0, 40);
  // A character that the look at the first MiB cuts in two.
  for (int shift = 0; shift < 3; ++shift)
    EXPECT_EQ(foreign_encoding(std::string((size_t(1) << 20) - size_t(shift), 'a') + "北", "f"),
              "");
}

}  // namespace
}  // namespace weir
