// The stage table as plain text, for the end of a run on a terminal.
#include <fmt/format.h>

#include <algorithm>

#include "base/div_up.h"
#include "base/text.h"
#include "report/report_r1.h"
#include "report/report_table.h"
#include "text/terminal_text.h"

namespace weir {
namespace {

constexpr size_t kWidth = 100;
constexpr size_t kGap = 2;
constexpr size_t kNarrow = 8;  // the least width of a column
constexpr size_t kNameMax = 38;
constexpr size_t kLeastWidth = 30;  // of the table; narrower terminals wrap it
constexpr size_t kHeadingLines = 6;
constexpr size_t kEllipsis = 3;  // bytes of "…"

size_t length_of(const std::string& text) { return size_t(columns_of(text)); }

std::string cut(const std::string& text, size_t length) { return cut_columns(text, int(length)); }

std::string wrapped(const std::string& text, size_t width) {
  std::string lines;
  for (const std::string& line : wrap_columns(text, int(width), 10)) lines += line + "\n";
  return lines;
}

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
    interval = "[" + interval_text(cell.interval, format, ",") + "]";
  return text + fmt::format(" {:<8}", interval);
}

std::string name_of(const StageRow& row) {
  return (row.kind == StageRow::Kind::detail ? "  " : "") + one_line(row.name, 4 * kNameMax) +
         (row.is_untrained ? " (untrained)" : "");
}

// The name of a stage over as many lines as it needs: broken after a hyphen or at a blank, a longer
// word anywhere.
std::vector<std::string> heading(const std::string& name, size_t width) {
  std::string text = one_line(name, 4 * kNameMax);
  std::vector<std::string> lines;
  while (length_of(text) > width && lines.size() + 1 < kHeadingLines) {
    std::string part = wrap_columns(text, int(width), 1)[0];
    part = text.substr(0, text.starts_with(part) ? part.size() : part.size() - kEllipsis);
    if (const size_t at = part.find_last_of("- _"); at != part.npos && at > 0)
      part = part.substr(0, at + 1);
    lines.push_back(std::string(trim(part)));
    text = std::string(trim(std::string_view(text).substr(part.size())));
  }
  lines.push_back(cut(text, width));
  return lines;
}

// The names of columns [begin, end), the last lines of all at the bottom.
std::string headings_text(const StageTable& table, size_t begin, size_t end, size_t name_width,
                          size_t width) {
  std::vector<std::vector<std::string>> names;
  size_t height = 0;
  for (size_t i = begin; i < end; ++i) {
    names.push_back(heading(table.columns[i].name, width - 1));
    height = std::max(height, names.back().size());
  }
  std::string text;
  for (size_t line = 0; line < height; ++line) {
    text += std::string(name_width, ' ');
    for (const std::vector<std::string>& name : names) {
      const size_t missing = height - name.size();
      text += std::string(kGap, ' ') +
              padded((line < missing ? "" : name[line - missing]) + " ", width, true);
    }
    text += "\n";
  }
  return text;
}

// Columns [begin, end) with all rows.
std::string block_text(const StageTable& table, size_t begin, size_t end, size_t name_width,
                       size_t whole_width) {
  const size_t room = (whole_width - name_width) / (end - begin) - kGap;
  size_t needed = kNarrow, plain = kNarrow;
  for (const StageRow& row : table.rows)
    for (const StageCell& cell : row.cells) {
      needed = std::max(needed, length_of(text_of(cell, row.format, true)));
      plain = std::max(plain, length_of(text_of(cell, row.format, false)));
    }
  for (size_t i = begin; i < end; ++i)
    for (const std::string& line : heading(table.columns[i].name, room - 1)) {
      needed = std::max(needed, length_of(line) + 1);
      plain = std::max(plain, length_of(line) + 1);
    }
  const bool with_interval = needed <= room;
  const size_t width = std::min(room, with_interval ? needed : plain);
  const std::string gap(kGap, ' ');
  std::string text = headings_text(table, begin, end, name_width, width);
  for (const StageRow& row : table.rows) {
    if (row.kind == StageRow::Kind::group) {
      text += "\n" + wrapped(row.name, whole_width);
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

std::string stage_table_text(const std::vector<StageReport>& stages, int columns) {
  const StageTable table = make_stage_table(stages);
  if (table.columns.empty()) return "No stage has been evaluated.\n";
  // The last column stays free: some terminals wrap when it is written.
  const size_t whole_width =
      columns > 0 ? std::clamp<size_t>(size_t(columns) - 1, kLeastWidth, kWidth) : kWidth;
  size_t name_width = 0;
  for (const StageRow& row : table.rows)
    if (row.kind != StageRow::Kind::group)
      name_width = std::max(name_width, std::min(kNameMax, length_of(name_of(row))));
  name_width = std::min(name_width, whole_width - kNarrow - kGap);
  const size_t at_once = (whole_width - name_width) / (kNarrow + kGap);
  // Blocks of about equal width.
  const size_t blocks = div_up(table.columns.size(), at_once);
  std::string text;
  for (size_t block = 0; block < blocks; ++block) {
    if (block > 0) text += "\n";
    text += block_text(table, block * table.columns.size() / blocks,
                       (block + 1) * table.columns.size() / blocks, name_width, whole_width);
  }
  std::string lines;
  for (const std::string& line : split(text, '\n')) {
    const size_t last = line.find_last_not_of(' ');
    lines += (last == line.npos ? "" : line.substr(0, last + 1)) + "\n";
  }
  return lines +
         wrapped("* best of the row; [a,b]: 95 % interval; untrained: no stage trained on this",
                 whole_width);
}

}  // namespace weir
