// Markdown (CommonMark with GitHub's tables) as blocks of a document; HTML in it counts.
#pragma once
#include <string_view>

#include "base/result.h"
#include "documents/document_builder.h"

namespace weir {

// `markdown` is UTF-8. Front matter (a YAML block at the start) gives title and language and is no
// text. Error: more than 8 MiB.
Result<void> add_markdown(std::string_view markdown, DocumentBuilder& document);

// Paragraphs of plain text, which empty lines separate; their lines stay.
void add_plain_text(std::string_view text, DocumentBuilder& document);

}  // namespace weir
