// Strings and numbers of a JSON Schema.
#pragma once
#include "grammar/json_language.h"
#include "grammar/schema_parts.h"

namespace weir {

// What the pieces of a schema's grammar are made with.
class SchemaRules {
 public:
  virtual ~SchemaRules() = default;
  virtual const Json& document() const = 0;
  virtual Grammar& grammar() = 0;
  virtual JsonLanguage& json() = 0;
  // The values for which all parts hold.
  virtual Result<Grammar::Expression> value_of(std::vector<SchemaPart> parts) = 0;
};

// minLength, maxLength, pattern, format.
Result<Grammar::Expression> schema_string(SchemaRules& rules, const SchemaParts& all);
// Characters of a string, without quotes, that match a pattern somewhere; errors name `where`.
Result<Grammar::Expression> schema_pattern(SchemaRules& rules, const std::string& pattern,
                                           const std::string& where);
// minimum, maximum, exclusiveMinimum, exclusiveMaximum.
Result<NumberRange> number_range(const SchemaParts& all);
// The same and multipleOf.
Result<Grammar::Expression> schema_number(SchemaRules& rules, const SchemaParts& all,
                                          bool is_integer);

}  // namespace weir
