// {m}, {m,} and {m,n} of grammars and regular expressions.
#pragma once
#include <cstdint>
#include <string_view>

#include "base/result.h"

namespace weir {

struct Repetition {
  int64_t min = 0, max = 0;  // max < 0: without limit
};

struct RepetitionRules {
  const char* name;  // "repetition": for errors
  int64_t count_max;
  bool has_blanks;  // around the numbers
};

// From behind the '{' at `at` to behind the '}'; where it fails, `at` is the place of the error.
Result<Repetition> read_repetition(std::string_view text, size_t& at, const RepetitionRules& rules);

}  // namespace weir
