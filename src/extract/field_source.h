// Where a value that a model gave stands in the document, if it does.
#pragma once
#include <optional>
#include <string>
#include <vector>

#include "base/json.h"
#include "documents/document.h"

namespace weir {

// One value of a filled form: "lines[0].price".
struct FieldValue {
  std::string path;
  const Json* value;
};
// Every text and number below `value` that is not empty. Truth values and nulls have no place in a
// text. The result points into `value`.
std::vector<FieldValue> field_values(const Json& value);

struct FieldSource {
  std::string quote;           // the line, or the part of it around the value
  size_t block = 0, line = 0;  // where the line begins, in bytes
  int page = 0;
  std::string heading;  // "Manual > Limits"
};
// Texts: the same letters and digits in the same order, whatever stands between them, as whole
// words. Numbers: any number of the document with the same value ("1,234.50", "1.234,50"), or
// percent of it. Dates (YYYY-MM-DD): any usual way of writing the day. `beside`, if not null, is
// looked at first: the quantity of an item stands in the line of its description.
std::optional<FieldSource> find_source(const Document& document, const Json& value,
                                       const FieldSource* beside = nullptr);

}  // namespace weir
