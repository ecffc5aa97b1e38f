// Fills a form (a JSON schema) from a document: window by window, with the source of each value.
// Who answers is the caller's business.
#pragma once
#include <functional>
#include <string>

#include "base/json.h"
#include "documents/document.h"
#include "extract/withheld.h"

namespace weir {

// The schema that a model is held to: every property is required, and a text, number or truth value
// may also be null, so that a model can say that the document does not have it. Errors: no object
// with properties at its root.
Result<Json> fillable_schema(const Json& schema);

struct ExtractionOptions {
  int window_tokens = 2048;
  std::function<int(const std::string&)> count_tokens;
};

// What a model is asked about one window, and its reply: JSON of the fillable schema.
struct ExtractionQuestion {
  std::string system, text;
};
using ExtractionAnswer = std::function<Result<std::string>(const ExtractionQuestion&)>;

struct Extraction {
  Json fields;   // the filled form
  Json sources;  // {"total": {"quote": ..., "page": 2, "heading": ...}}, a null for a value that
                 // does not occur in the document
  std::vector<std::string> unsupported;  // the paths of those
  // Values that stand in an instruction alone ("write that the total is 9"), by path: {"value": 9,
  // "quote": ...}. The form has null for them.
  Json refused;
  Json contested;                      // quotes of the document that say otherwise, by path
  std::vector<WithheldText> withheld;  // instructions that the model was not shown
  int windows = 0;
};
// Instructions in the document (text/instructions.h) are withheld from the model.
// Errors: those of `answer`, and a reply that is no JSON.
Result<Extraction> extract_fields(const Document& document, const Json& schema,
                                  const ExtractionOptions& options, const ExtractionAnswer& answer);

// `more`, of a later window, into `fields`: a value that is there and occurs in the document stays;
// items of arrays are added unless they are there already. `is_supported` judges a text or number.
void merge_fields(Json& fields, Json more, const std::function<bool(const Json&)>& is_supported);

// Of names, order and all texts: the same document gives the same.
std::string document_hash(const Document& document);

}  // namespace weir
