// Whether a document says something else about a field, too: a second place that names the field
// with another number or day, or an instruction that was withheld.
#pragma once
#include <optional>
#include <string>
#include <vector>

#include "base/json.h"
#include "extract/field_source.h"
#include "extract/withheld.h"

namespace weir {

// The line, sentence or instruction that says otherwise. `path`: of the field; the words of its
// last name are what is looked for ("invoice_total": invoice, total). Nothing for texts and for
// items of lists, which differ by right.
std::optional<std::string> find_contradiction(const SafeDocument& safe, const std::string& path,
                                              const Json& value, const FieldSource& source);

}  // namespace weir
