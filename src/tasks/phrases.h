// Sentences from patterns, and which phrasing of a thing is held out: shared by the kinds of
// problems that are made from tables of sentences.
#pragma once
#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include "base/options.h"
#include "base/random.h"
#include "base/result.h"
#include "tasks/problem_set.h"

namespace weir {

// `pattern` with every "{s}" replaced by `subject` and every "{a}" by `answer`; the first letter
// becomes a capital.
std::string fill_in(std::string_view pattern, std::string_view subject,
                    std::string_view answer = {});

// Of the `count` phrasings of the thing called `key`, the one that training never sees. Things
// differ in it, so that each phrasing is learned from other things.
size_t held_out_phrasing(std::string_view key, size_t count);
// A phrasing of the asked side, in [0, count); count is at least 2.
size_t pick_phrasing(Random& random, Split split, std::string_view key, size_t count);

// Text as a pattern of RE2 that matches it and nothing else.
std::string quote_pattern(std::string_view text);

// The option `languages`, of "en" and "zh"; both without it.
Result<std::vector<std::string>> read_languages(OptionReader& in);

// An element of a table.
template <class Table>
const auto& pick_from(Random& random, const Table& table) {
  return table[size_t(random.below(table.size()))];
}

}  // namespace weir
