// JSON Schema (draft 2020-12) as a grammar of the texts that validate. What a grammar can not
// express is an error that names the keyword and its place, never ignored:
// docs/structured-output.md has the table.
#pragma once
#include "base/json.h"
#include "grammar/grammar.h"
#include "grammar/json_language.h"
#include "grammar/schema_parts.h"

namespace weir {

// Limits: 5,000 combinations of subschemas. Returns the rule of the whole text, which holds what it
// needs of `schema`.
Result<Grammar::Rule> parse_json_schema(const Json& schema, Grammar& grammar);
// The values for which all of `parts` hold, subschemas of `document`. With StringForm::bare they
// must allow texts alone.
Result<Grammar::Rule> parse_json_schema(const Json& document, std::vector<SchemaPart> parts,
                                        Grammar& grammar, StringForm form);

}  // namespace weir
