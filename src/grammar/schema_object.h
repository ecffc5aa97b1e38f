// Objects of a JSON Schema: declared properties in the order of the schema, those that are not
// required may be missing; then, where they are allowed, additional ones.
#pragma once
#include "grammar/schema_strings.h"

namespace weir {

// properties, required, additionalProperties, patternProperties, minProperties, maxProperties.
Result<Grammar::Expression> schema_object(SchemaRules& rules, const SchemaParts& all);

}  // namespace weir
