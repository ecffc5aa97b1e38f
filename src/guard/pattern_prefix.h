// Looks into a pattern (RE2's syntax) without running it: how long its matches can be, and which
// texts could still become one. A stream holds those back.
#pragma once
#include <string>
#include <string_view>

#include "base/result.h"

namespace weir {

struct PatternShape {
  int bytes_min = 0, bytes_max = 0;  // of a match
  std::string prefixes = {};         // a pattern of all beginnings of a match, itself included
};

constexpr int kPatternBytesMax = 1024;  // of a match

// Fails, with the remedy, for what a stream can not have: matches without a limit (*, +, {n,}), ^ $
// \A \z, an empty match; and for what is no pattern. Groups are taken as (?:...).
Result<PatternShape> shape_of_pattern(std::string_view pattern, bool ignores_case);

}  // namespace weir
