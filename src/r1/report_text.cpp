// The stage table as plain text, for the end of a run on a terminal.
#include <fmt/format.h>

#include <algorithm>

#include "base/text.h"
#include "r1/report.h"
#include "r1/report_table.h"

namespace weir {
namespace {

constexpr size_t kWidth = 100;
constexpr size_t kGap = 2;
constexpr size_t kNarrow = 8;  // the least width of a column
constexpr size_t kNameMax = 38;

size_t length_of(const std::string& text) {
  return size_t(std::ranges::count_if(text, [](char c) { return (c & 0xc0) != 0x80; }));
}

std::string cut(const std::string& text, size_t length) {
  size_t seen = 0;
  for (size_t i = 0; i < text.size(); ++i)
    if ((text[i] & 0xc0) != 0x80 && ++seen > length) return text.substr(0, i);
  return text;
}

std::string padded(const std::string& text, size_t width, bool right) {
  const std::string part = cut(text, width);
  const std::string blanks(width - length_of(part), ' ');
  return right ? blanks + part : part + blanks;
}

// "63.2 [60,66]*": the interval where there is room.
std::string text_of(const StageCell& cell, CellFormat format, bool with_interval) {
  if (!cell.has_value) return "- ";
  std::string text = cell_text(cell.value, format);
  if (with_interval && cell.has_interval)
    text += fmt::format(" [{:.0f},{:.0f}]", 100 * cell.interval.low, 100 * cell.interval.high);
  return text + (cell.is_best ? "*" : " ");
}

std::string name_of(const StageRow& row) {
  return (row.kind == StageRow::Kind::detail ? "  " : "") + printable(row.name, 4 * kNameMax) +
         (row.is_untrained ? " (never trained)" : "");
}

// Columns [begin, end) with all rows.
std::string block_text(const StageTable& table, size_t begin, size_t end, size_t name_width) {
  const size_t room = (kWidth - name_width) / (end - begin) - kGap;
  size_t needed = kNarrow, plain = kNarrow;
  for (const StageRow& row : table.rows)
    for (const StageCell& cell : row.cells) {
      needed = std::max(needed, length_of(text_of(cell, row.format, true)));
      plain = std::max(plain, length_of(text_of(cell, row.format, false)));
    }
  for (size_t i = begin; i < end; ++i) {
    const size_t name = length_of(printable(table.columns[i].name)) + 1;
    needed = std::max(needed, std::min(name, room));
    plain = std::max(plain, std::min(name, room));
  }
  const bool with_interval = needed <= room;
  const size_t width = std::min(room, with_interval ? needed : plain);
  const std::string gap(kGap, ' ');

  std::string text = std::string(name_width, ' ');
  for (size_t i = begin; i < end; ++i)
    text += gap + padded(cut(printable(table.columns[i].name), width - 1) + " ", width, true);
  text += "\n";
  for (const StageRow& row : table.rows) {
    if (row.kind == StageRow::Kind::group) {
      text += "\n" + cut(row.name, kWidth) + "\n";
      continue;
    }
    text += padded(name_of(row), name_width, false);
    for (size_t i = begin; i < end; ++i)
      text += gap + padded(text_of(row.cells[i], row.format, with_interval), width, true);
    text += "\n";
  }
  return text;
}

}  // namespace

std::string stage_table_text(const std::vector<StageReport>& stages) {
  const StageTable table = make_stage_table(stages);
  if (table.columns.empty()) return "No stage has been evaluated.\n";
  size_t name_width = 0;
  for (const StageRow& row : table.rows)
    if (row.kind != StageRow::Kind::group)
      name_width = std::max(name_width, std::min(kNameMax, length_of(name_of(row))));
  const size_t at_once = (kWidth - name_width) / (kNarrow + kGap);
  // Blocks of about equal width.
  const size_t blocks = (table.columns.size() + at_once - 1) / at_once;
  std::string text;
  for (size_t block = 0; block < blocks; ++block) {
    if (block > 0) text += "\n";
    text += block_text(table, block * table.columns.size() / blocks,
                       (block + 1) * table.columns.size() / blocks, name_width);
  }
  std::string lines;
  for (const std::string& line : split(text, '\n')) {
    const size_t last = line.find_last_not_of(' ');
    lines += (last == line.npos ? "" : line.substr(0, last + 1)) + "\n";
  }
  return lines + "* best of the row; [a,b]: 95 % interval\n";
}

}  // namespace weir
