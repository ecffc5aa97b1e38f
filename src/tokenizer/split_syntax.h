// The syntax of split patterns, which tokenizer.json files write for Oniguruma (Ruby's), read into
// a tree whose leaves are sets of characters. Two patterns mean the same if their trees are equal,
// however their characters were written; what PCRE2 would read differently never reaches it.
#pragma once
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "tokenizer/code_point_set.h"

namespace weir {

struct SplitNode {
  enum class Kind {
    set,       // one character of `set`
    sequence,  // `parts` one after another; none of them: the empty text
    choice,    // the first of `parts` that leads to a match
    repeat,    // parts[0] from `min` to `max` times
    group,     // `text` opens it: "?=", "?!", "?<=", "?<!" or "?>"
    anchor,    // `text`: "^", "$", "\A", "\z", "\Z" or "\G"
  };
  Kind kind = Kind::sequence;
  CodePointSet set = {};
  std::vector<SplitNode> parts = {};
  int min = 0, max = kUnlimited;
  std::string text = {};  // of a repeat: "" greedy, "?" lazy, "+" possessive

  static constexpr int kUnlimited = -1;
  bool operator==(const SplitNode&) const = default;
};

// Groups within groups are limited to 50, repetitions to 65535. Errors quote the pattern and say
// what is wrong or not supported.
Result<SplitNode> parse_split_pattern(std::string_view pattern);

// "split pattern '...': why"
Error split_pattern_error(std::string_view pattern, const std::string& why);

}  // namespace weir
