// Labels of generated content after GB 45438-2025: a text that people see, and metadata in files.
#pragma once
#include <string>
#include <string_view>

#include "base/json.h"
#include "base/result.h"
#include "guard/policy.h"

namespace weir {

// GB 45438-2025, appendix E: {"AIGC": {"Label": "1", "ContentProducer", "ProduceID", ...}}. Label
// 1: generated. `id`: of the content, chosen by the producer.
Json label_json(const PolicyLabel& label, const std::string& id);

// The text of a file with the labels in it, by the ending of its name: .json gets the member AIGC,
// .md a front matter, .html a meta element, .txt the visible text alone. Fails for other endings,
// and for files that have a label.
Result<std::string> labelled_file(std::string_view text, const std::string& path,
                                  const PolicyLabel& label, const std::string& id);

}  // namespace weir
