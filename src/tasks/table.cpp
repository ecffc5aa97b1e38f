#include "tasks/table.h"

#include "base/check.h"
#include "base/text.h"

namespace weir {

std::vector<TableRow> read_table(std::string_view text,
                                 const std::map<std::string, size_t>& columns) {
  std::vector<TableRow> rows;
  for (const std::string& line : split(text, '\n')) {
    if (line.empty() || line.front() == '#') continue;
    TableRow row = split(line, '\t');
    const auto known = columns.find(row.front());
    CHECK(known != columns.end() && row.size() == known->second);
    rows.push_back(std::move(row));
  }
  return rows;
}

}  // namespace weir
