// Finds the matches of many patterns (RE2) in a text that comes in parts.
#pragma once
#include <cstddef>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "guard/word_matcher.h"

namespace weir {

class PatternMatcher {
 public:
  PatternMatcher();
  ~PatternMatcher();
  // `rule` is the caller's number. Fails for what shape_of_pattern() refuses, for what RE2 can not
  // compile, and for a pattern that matches any text.
  Result<void> add(const std::string& pattern, bool ignores_case, int rule);
  Result<void> finish();                        // after the last add()
  int bytes_max() const { return bytes_max_; }  // of a match
  bool is_empty() const { return count_ == 0; }

  // Matches in text[from, ...) of each pattern, left to right, not overlapping. What precedes
  // `from` is context for \b. The text goes on unless `is_last`: then only matches that more text
  // can not change are added, and what is returned is the byte before which nothing more will
  // begin. `next`: of each pattern, where its search goes on; empty at the start; kept by the
  // caller.
  size_t match(std::string_view text, size_t from, bool is_last, std::vector<size_t>& next,
               std::vector<WordMatch>& matches) const;

 private:
  struct Patterns;
  std::unique_ptr<Patterns> patterns_;
  int bytes_max_ = 0, count_ = 0;
};

}  // namespace weir
