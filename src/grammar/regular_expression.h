// Regular expressions as ECMAScript has them, as far as they are regular: alternatives, groups,
// classes, . \d \w \s \p{...}, quantifiers, and ^ and $ at the ends of alternatives. What else
// there is, is refused by name.
#pragma once
#include <string_view>

#include "grammar/grammar.h"

namespace weir {

// How one character of a set is written in the text to match.
class Spelling {
 public:
  virtual ~Spelling() = default;
  virtual Grammar::Expression character(Grammar& grammar, const CodePointSet& set) const {
    return grammar.character(set);
  }
};

enum class Matching {
  whole,   // the expression matches the whole text: ^ and $ say nothing more
  search,  // it matches somewhere, but for ^ and $: JSON Schema's `pattern`
};

// Limits: 64 KiB, groups 100 deep, repetitions up to 100,000. Lazy quantifiers match what greedy
// ones do. Refused: backreferences, lookaround, \b, possessive quantifiers, atomic groups, flags.
Result<Grammar::Expression> parse_regular_expression(std::string_view text, Grammar& grammar,
                                                     Matching matching,
                                                     const Spelling& spelling = {});

}  // namespace weir
