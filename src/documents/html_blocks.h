// HTML as blocks of a document: headings, paragraphs, lists, tables and code. What stands around
// the text of a page (navigation, headers, footers, scripts) is dropped.
#pragma once
#include <string>
#include <string_view>

#include "base/result.h"
#include "documents/document_builder.h"

namespace weir {

// Adds the page's blocks, title and language to `document`. `html` is UTF-8. Errors are those of
// HtmlTree::parse.
Result<void> add_html(std::string_view html, DocumentBuilder& document);

// Bytes of any encoding, declared or not.
Result<void> add_html_bytes(std::string_view bytes, std::string_view declared,
                            DocumentBuilder& document);

// XHTML for a parser of HTML: <a id="x"/> becomes <a id="x"></a>, because HTML takes it for an
// element that was not closed.
std::string expand_empty_elements(std::string_view xhtml);

}  // namespace weir
