// Sets of Unicode code points as sorted ranges, and the named ones: general categories and scripts
// of Unicode 16.0, the version of HuggingFace tokenizers 0.21.2 to 0.23, from a table of this
// program's own. So a split pattern means the same on every system.
#pragma once
#include <optional>
#include <string_view>
#include <vector>

namespace weir {

inline constexpr char32_t kCodePointMax = 0x10FFFF;

struct CodePointRange {
  char32_t first, last;  // both belong to it
  bool operator==(const CodePointRange&) const = default;
};

class CodePointSet {
 public:
  CodePointSet() = default;
  // In any order; they may overlap.
  explicit CodePointSet(std::vector<CodePointRange> ranges);

  bool contains(char32_t code) const;
  bool empty() const { return ranges_.empty(); }
  const std::vector<CodePointRange>& ranges() const { return ranges_; }  // sorted, with gaps
  CodePointSet complement() const;
  CodePointSet united(const CodePointSet& other) const;
  CodePointSet intersected(const CodePointSet& other) const;
  bool operator==(const CodePointSet&) const = default;

 private:
  std::vector<CodePointRange> ranges_;
};

// What \p{name} means to Oniguruma, which HuggingFace tokenizers use: a general category ("L",
// "Lu", "Uppercase_Letter"), a script ("Han"), Any, ASCII, Digit, Space or Word. Letter case,
// blanks, '-' and '_' in the name do not count. Nothing for other names.
std::optional<CodePointSet> named_code_points(std::string_view name);

}  // namespace weir
