// Tables of data that the build embeds (data/*.tsv): one row a line, columns separated by one tab.
// Empty lines and lines that begin with '#' are no rows.
#pragma once
#include <map>
#include <string>
#include <string_view>
#include <vector>

namespace weir {

extern const std::string_view kFactsTable, kComposedTable, kChatTable, kSafetyTable;

// The first column of a row is a word of `columns`, which says how many columns there are. Any
// other row ends the program: the tables are part of it.
using TableRow = std::vector<std::string>;
std::vector<TableRow> read_table(std::string_view text,
                                 const std::map<std::string, size_t>& columns);

}  // namespace weir
