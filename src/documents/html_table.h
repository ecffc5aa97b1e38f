// Tables of HTML as rows of cells.
#pragma once
#include <gumbo.h>

#include <string>
#include <vector>

namespace weir {

// Every row has its cells in columns: a cell that spans several columns is followed by empty ones,
// a cell that spans several rows is repeated in each. Empty for a table that lays out blocks or has
// one column.
std::vector<std::vector<std::string>> html_table_rows(const GumboElement& table);
std::string html_table_caption(const GumboElement& table);

// All text of an element; blocks in it are separated by blanks.
std::string html_cell_text(const GumboElement& element);

}  // namespace weir
