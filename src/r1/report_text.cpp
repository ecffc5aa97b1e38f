// The stage table as plain text, for the end of a run on a terminal.
#include <fmt/format.h>

#include <algorithm>

#include "base/text.h"
#include "r1/live_text.h"
#include "r1/report.h"
#include "r1/report_table.h"

namespace weir {
namespace {

constexpr size_t kWidth = 100;
constexpr size_t kGap = 2;
constexpr size_t kNarrow = 8;  // the least width of a column
constexpr size_t kNameMax = 38;

size_t length_of(const std::string& text) { return size_t(columns_of(text)); }

std::string cut(const std::string& text, size_t length) { return cut_columns(text, int(length)); }

std::string padded(const std::string& text, size_t width, bool right) {
  const std::string part = cut(text, width);
  const std::string blanks(width - length_of(part), ' ');
  return right ? blanks + part : part + blanks;
}

// "63.2* [60,66] ": the interval where there is room, always as wide.
std::string text_of(const StageCell& cell, CellFormat format, bool with_interval) {
  std::string text = cell.has_value ? cell_text(cell.value, format) : "-";
  text += cell.is_best ? "*" : " ";
  if (!with_interval) return text;
  std::string interval;
  if (cell.has_value && cell.has_interval)
    interval = fmt::format("[{:.0f},{:.0f}]", 100 * cell.interval.low, 100 * cell.interval.high);
  return text + fmt::format(" {:<8}", interval);
}

std::string name_of(const StageRow& row) {
  return (row.kind == StageRow::Kind::detail ? "  " : "") + one_line(row.name, 4 * kNameMax) +
         (row.is_untrained ? " (untrained)" : "");
}

// The name of a stage over one or two lines: broken after a hyphen or at a blank.
std::pair<std::string, std::string> heading(const std::string& name, size_t width) {
  const std::string text = one_line(name, 4 * kNameMax);
  if (length_of(text) <= width) return {"", text};
  const size_t at = text.substr(0, width).find_last_of("- _");
  if (at == text.npos || at + 1 == text.size()) return {"", cut(text, width)};
  return {cut(text.substr(0, at + (text[at] != ' ')), width), cut(text.substr(at + 1), width)};
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
    const auto [first, second] = heading(table.columns[i].name, room - 1);
    const size_t name = std::max(length_of(first), length_of(second)) + 1;
    needed = std::max(needed, name);
    plain = std::max(plain, name);
  }
  const bool with_interval = needed <= room;
  const size_t width = std::min(room, with_interval ? needed : plain);
  const std::string gap(kGap, ' ');

  std::string upper(name_width, ' '), lower(name_width, ' ');
  for (size_t i = begin; i < end; ++i) {
    const auto [first, second] = heading(table.columns[i].name, width - 1);
    upper += gap + padded(first + " ", width, true);
    lower += gap + padded(second + " ", width, true);
  }
  std::string text = upper + "\n" + lower + "\n";
  if (upper.find_first_not_of(' ') == upper.npos) text = lower + "\n";
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
  return lines + "* best of the row; [a,b]: 95 % interval; untrained: no stage trained on this\n";
}

}  // namespace weir
