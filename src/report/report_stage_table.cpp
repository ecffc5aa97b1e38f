// The stage table as HTML.
#include <fmt/format.h>

#include <algorithm>

#include "report/r1_page.h"
#include "report/report_table.h"

namespace weir {
namespace {

std::string head_html(const StageTable& table) {
  std::string html = "<thead><tr><td></td>";
  for (const StageColumn& column : table.columns)
    html += fmt::format("<th scope=\"col\" class=\"c{}\">{}<small>{}</small></th>", column.color,
                        name_html(column.name), name_html(kind_words(column.kind)));
  return html + "</tr></thead>";
}

std::string cell_html(const StageCell& cell, CellFormat format) {
  if (!cell.has_value) return "<td class=\"empty\">–</td>";
  std::string style;
  if (format == CellFormat::share) style = fmt::format(" style=\"--n:{:.3f}\"", cell.value);
  std::string html = fmt::format("<td{}{}><b>{}</b>", cell.is_best ? " class=\"best\"" : "", style,
                                 cell_text(cell.value, format));
  // Without one its place stays free, so that figures stand under each other.
  if (!cell.has_interval) html += "<small></small>";
  if (cell.has_interval)
    html += fmt::format("<small>{:.0f}–{:.0f}</small>", 100 * cell.interval.low,
                        100 * cell.interval.high);
  return html + "</td>";
}

std::string row_html(const StageRow& row, size_t columns) {
  if (row.kind == StageRow::Kind::group)
    return fmt::format("<tr class=\"group\"><th colspan=\"{}\" scope=\"colgroup\">{}</th></tr>\n",
                       columns + 1, name_html(row.name));
  std::string html =
      fmt::format("<tr{}><th scope=\"row\">{}{}</th>",
                  row.kind == StageRow::Kind::detail ? " class=\"part\"" : " class=\"total\"",
                  name_html(row.name),
                  row.is_untrained ? " <span class=\"mark-new\">never trained on</span>" : "");
  for (const StageCell& cell : row.cells) html += cell_html(cell, row.format);
  return html + "</tr>\n";
}

// Seen on narrow screens only, where a part of the table is.
std::string scroll_hint(const StageTable& table) {
  return fmt::format("<p class=\"note swipe\">{} {}: scroll the table sideways →</p>",
                     table.columns.size(), table.columns.size() == 1 ? "stage" : "stages");
}

bool has_row(const StageTable& table, const std::string& name) {
  return std::ranges::any_of(table.rows, [&](const StageRow& row) { return row.name == name; });
}

// How to read the figures, and what "held out" means for families with few subjects.
std::string note_html(const StageTable& table) {
  std::string html =
      "<p class=\"note\"><b class=\"best\">Coloured</b> is the best of its row. Small figures are "
      "the "
      "95 % interval by problems (Wilson). pass@1 is the mean over all replies, pass@k the share "
      "of "
      "problems with at least one right reply of k.</p>";
  if (has_row(table, kFactsRow) || has_row(table, kHarmfulRow))
    html +=
        "<p class=\"note\">Facts and requests to decline: the wordings are held out, the facts and "
        "goals are not. A base whose data answer poorly on purpose (styles vague, terse, naive) is "
        "low here by its making; a later stage's gain over it is partly that undone.</p>";
  return html;
}

}  // namespace

std::string stage_table_html(const std::vector<StageReport>& stages) {
  const StageTable table = make_stage_table(stages);
  if (table.columns.empty()) return "";
  std::string html = "<section><h2>The stages, measured on held-out problems</h2>" +
                     scroll_hint(table) + "<div class=\"card scroll\"><table class=\"stages\">" +
                     head_html(table) + "<tbody>";
  for (const StageRow& row : table.rows) html += row_html(row, table.columns.size());
  return html + "</tbody></table></div>" + note_html(table) + "</section>\n";
}

}  // namespace weir
