// Values as text, in the forms a template can ask for: Python's str() and repr(), JSON as Python's
// json.dumps() writes it. And JSON as values.
//
// A text made from several values is trusted only when all texts in it are; numbers are.
#pragma once
#include <string_view>

#include "base/json.h"
#include "base/result.h"
#include "jinja/heap.h"

namespace weir::jinja {

// str(value): what {{ value }} prints.
Result<Value> to_text(Heap& heap, const Value& value);
// repr(value): texts in quotes.
Result<Value> to_repr(Heap& heap, const Value& value);

struct JsonForm {
  std::string indent = {};  // of one level
  bool is_indented = false;
  bool is_ascii = false;  // \uXXXX for other characters
  bool sorts_keys = false;
  std::string item_separator = ", ", key_separator = ": ";
  bool is_trusted = true;  // the indent and the separators are the template's
};
Result<Value> to_json(Heap& heap, const Value& value, const JsonForm& form);

// `is_trusted`: whether the texts in it are the template's.
Result<Value> from_json(Heap& heap, const Json& json, bool is_trusted, int depth = 0);

}  // namespace weir::jinja
