// llama.cpp's grammar format (GBNF): `name ::= alternatives`, with "literals", [classes], '.',
// calls of rules, (groups), * + ? {m} {m,} {m,n}, # comments, and the escapes \n \r \t \\ \" \[ \]
// \xHH \uHHHH \UHHHHHHHH. The text to match is that of the rule `root`.
#pragma once
#include <string_view>

#include "grammar/grammar.h"

namespace weir {

// Limits: 1 MiB of text, groups 100 deep, 20,000 rules. Errors give the line and the remedy.
// Returns the rule `root`.
Result<Grammar::Rule> parse_gbnf(std::string_view text, Grammar& grammar);

}  // namespace weir
