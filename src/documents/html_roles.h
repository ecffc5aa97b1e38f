// What an HTML element means for its text: a block, a list, a table row, code, or nothing to read.
#pragma once
#include <gumbo.h>

#include <string_view>

namespace weir {

enum class HtmlRole {
  inline_text,
  dropped,
  block,
  paragraph,
  heading,
  preformatted,
  list,
  item,
  definition_list,
  term,
  definition,
  table,
  row,
  cell,
  line_end,
  superscript,
  quotation,
};

HtmlRole html_role(GumboTag tag);

// Hidden, or of a class that documentation generators (DocBook, Sphinx, MediaWiki) give to
// navigation.
bool is_navigation(const GumboElement& element);

// Whether its class attribute names `name`.
bool has_class(const GumboElement& element, std::string_view name);

// A superscript of one number or letter: 2<sup>31</sup> is 2^31 in plain text; a footnote mark or
// "1<sup>st</sup>" stays as it is.
bool is_exponent(const GumboElement& element);

// A row is written on one line unless it holds blocks that need lines of their own, as pages that
// use tables for layout do. A lone cell with several paragraphs is a block too.
bool needs_lines(const GumboElement& row);

// "" where there is none.
std::string_view html_attribute(const GumboElement& element, const char* name);
const GumboNode* html_child(const GumboElement& element, unsigned i);
bool is_html_element(const GumboNode* node);

}  // namespace weir
