// HTML as plain text, laid out for a reader of a terminal and for training.
#pragma once
#include <string>
#include <string_view>

#include "base/result.h"

namespace weir {

// HTML becomes plain text: headings, paragraphs, lists, tables and code stay readable; navigation,
// scripts and styles are dropped. Errors are those of HtmlTree::parse.
Result<std::string> html_to_text(std::string_view html);

}  // namespace weir
