// What an HTML element means for its text: a block, a list, a table row, code, or nothing to read.
#pragma once
#include <gumbo.h>

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

}  // namespace weir
