// Rows that heads are trained on: JSON lines with 'text', or 'messages' in OpenAI's form, and
// 'labels', the categories that it belongs to; [] for harmless rows. Rows of one 'group' (a text)
// are never divided between training and holding out. A conversation whose last message is the
// assistant's is labelled for that answer, every other one as a prompt.
#pragma once
#include <string>
#include <vector>

#include "base/json.h"
#include "base/result.h"

namespace weir {

struct LabelledRow {
  Json messages;
  std::vector<std::string> labels = {};
  std::string group;
  std::string answer = {};  // of an answer's row: what the last message said
  bool is_answer = false;
  size_t line = 0;
  bool is_harmful() const { return !labels.empty(); }
};

// Errors name file and line: no JSON, no text, labels that are no list of texts, more than a
// million rows, no harmful or no harmless row.
Result<std::vector<LabelledRow>> read_labelled_rows(const std::string& path);
Result<std::vector<LabelledRow>> parse_labelled_rows(std::string_view text,
                                                     const std::string& path);

}  // namespace weir
