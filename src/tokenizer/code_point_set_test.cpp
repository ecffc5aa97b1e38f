#include "tokenizer/code_point_set.h"

#include <gtest/gtest.h>

#include "base/text.h"
#include "testing/tokenizer_data.h"
#include "tokenizer/split_set_parser.h"

namespace weir {
namespace {

TEST(CodePointSet, OverlapsAndNeighboursBecomeOneRange) {
  const CodePointSet set({{5, 9}, {1, 2}, {3, 3}, {8, 12}});
  EXPECT_EQ(set.ranges(), (std::vector<CodePointRange>{{1, 3}, {5, 12}}));
  EXPECT_TRUE(set.contains(1) && set.contains(12) && !set.contains(4) && !set.contains(13));
  EXPECT_EQ(set.complement().complement(), set);
  EXPECT_TRUE(set.intersected(set.complement()).empty());
  EXPECT_EQ(set.united(set.complement()), CodePointSet({{0, kCodePointMax}}));
  EXPECT_EQ(set.intersected(CodePointSet({{2, 6}})), CodePointSet({{2, 3}, {5, 6}}));
}

// FNV-1a over the code points that are no surrogates, as tools/make_unicode_table.py has it.
std::pair<int64_t, uint32_t> count_and_checksum(const CodePointSet& set) {
  int64_t count = 0;
  uint32_t value = 0x811C9DC5;
  for (const CodePointRange& range : set.ranges())
    for (char32_t code = range.first; code <= range.last; ++code) {
      if (code >= 0xD800 && code <= 0xDFFF) continue;
      value = (value ^ uint32_t(code)) * 0x01000193;
      ++count;
    }
  return {count, value};
}

TEST(CodePointSet, F18ClassesAreThoseOfPythonsTokenizersOverAllCodePoints) {
  int patterns = 0;
  for (const std::string& line : split(must_read(test_data("unicode_classes.golden.txt")), '\n')) {
    if (line.empty() || line[0] == '#') continue;
    const std::vector<std::string> fields = split(line, '\t');
    ASSERT_EQ(fields.size(), 3u) << line;
    std::string pattern = fields[0];
    const bool folds = pattern.starts_with("(?i:");
    if (folds) pattern = pattern.substr(4, pattern.size() - 5);
    size_t at = 0;
    Result<CodePointSet> set = SplitSetParser(pattern).one(at, folds);
    ASSERT_TRUE(set) << set.error().message;
    EXPECT_EQ(at, pattern.size());
    const auto [count, checksum] = count_and_checksum(*set);
    EXPECT_EQ(std::to_string(count), fields[1]) << fields[0];
    EXPECT_EQ(checksum, std::stoul(fields[2], nullptr, 16)) << fields[0];
    ++patterns;
  }
  EXPECT_EQ(patterns, 47);
}

TEST(CodePointSet, NamesAreReadAsOnigurumaReadsThem) {
  EXPECT_EQ(named_code_points("Lu"), named_code_points("uppercase_letter"));
  EXPECT_EQ(named_code_points("L"), named_code_points("Letter"));
  EXPECT_EQ(named_code_points("Old Italic"), named_code_points("old-italic"));
  EXPECT_TRUE(named_code_points("Han")->contains(0x4E00));
  EXPECT_EQ(named_code_points("Any")->ranges().size(), 1u);
  for (const char* name : {"", "Nonsense", "Lx", "X", "Ha"})
    EXPECT_FALSE(named_code_points(name)) << name;
}

}  // namespace
}  // namespace weir
