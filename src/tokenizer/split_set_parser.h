// The part of split_syntax.h that reads one character: a literal, an escape, or a set in brackets.
#pragma once
#include <string>
#include <string_view>

#include "base/result.h"
#include "tokenizer/code_point_set.h"

namespace weir {

class SplitSetParser {
 public:
  explicit SplitSetParser(std::string_view pattern) : pattern_(pattern) {}
  // What stands at `at`, which moves behind it. `folds`: letter case does not count.
  Result<CodePointSet> one(size_t& at, bool folds);

 private:
  struct Escape {
    CodePointSet set;
    bool is_single = false;  // one code point, which may begin a range
  };
  Error error(const std::string& why) const;
  Result<Escape> escape(size_t& at, bool folds);
  Result<Escape> property(size_t& at, bool negated);
  Result<char32_t> numeric(size_t& at, char kind);
  Result<CodePointSet> brackets(size_t& at, bool folds, int depth);
  Result<CodePointSet> posix(size_t& at);
  // The range, and the other case of its letters.
  Result<CodePointSet> folded(char32_t first, char32_t last, bool folds) const;

  std::string_view pattern_;
};

}  // namespace weir
