#include "report/page_summary.h"

#include <fmt/format.h>

#include "base/check.h"

namespace weir {
namespace {

const Json& member(const Json& object, std::string_view name) {
  static const Json kNothing{};
  const Json* found = object.find(name);
  return found ? *found : kNothing;
}

std::string name_in(const Json& object, std::string_view name) {
  return escape_html(member(object, name).text());
}

bool is_set(const Json& object, std::string_view name) {
  const Result<bool> value = member(object, name).as_bool();
  return value && *value;
}

// A text of shown_text(). <bdi> keeps its direction of writing from what is around it.
std::string text_html(const Json& text) {
  if (!text.is_object()) return "<bdi>" + escape_html(text.text()) + "</bdi>";
  return fmt::format("<bdi>{}</bdi> <i class=\"more\">… {} more</i>", name_in(text, "text"),
                     name_in(text, "more"));
}

std::string conclusion_html(const Json& conclusion) {
  if (conclusion.is_null()) return "";
  std::string html =
      "<div class=\"card conclusion\"><p><b>" + text_html(member(conclusion, "text")) + "</b></p>";
  if (!is_set(conclusion, "is_finished"))
    html += "<p>The run goes on; this page is written again after every stage.</p>";
  if (const Json* talk = conclusion.find("talk"))
    html += "<p>Talk with it: <code>" + text_html(*talk) + "</code></p>";
  return html + "</div>\n";
}

// Large numbers side by side, each with what it counts and a word about it.
std::string numbers_html(const Json& report) {
  const Json& numbers = member(report, "numbers");
  if (numbers.size() == 0) return "<p class=\"none\">" + name_in(report, "none") + "</p>\n";
  std::string html = "<div class=\"numbers " + name_in(report, "kind") + "\">";
  for (const Json& number : numbers.items())
    html += fmt::format(
        "<div class=\"number\"><span class=\"name\">{}</span><span class=\"value\">{}<small>{}"
        "</small></span><span class=\"detail\">{}</span></div>",
        name_in(number, "name"), name_in(number, "value"), name_in(number, "unit"),
        name_in(number, "detail"));
  return html + "</div>\n";
}

std::string cell_html(const Json& cell) {
  if (cell.is_null()) return "<td class=\"empty\">–</td>";
  // The script draws data-share as a bar.
  const std::string share = member(cell, "share").number_text();
  const std::string interval = name_in(cell, "interval");
  return fmt::format(
      "<td{}{}><b>{}</b><small>{}</small></td>", is_set(cell, "is_best") ? " class=\"best\"" : "",
      share.empty() ? "" : " data-share=\"" + share + "\"", name_in(cell, "text"), interval);
}

std::string row_html(const Json& row, size_t columns) {
  const std::string kind = name_in(row, "kind");
  if (kind == "group")
    return fmt::format("<tr class=\"group\"><th colspan=\"{}\" scope=\"colgroup\">{}</th></tr>\n",
                       columns + 1, name_in(row, "name"));
  std::string html = fmt::format(
      "<tr class=\"{}\"><th scope=\"row\">{}{}</th>", kind, name_in(row, "name"),
      is_set(row, "is_untrained") ? " <span class=\"mark-new\">never trained on</span>" : "");
  for (const Json& cell : member(row, "cells").items()) html += cell_html(cell);
  return html + "</tr>\n";
}

// The stage table with how to read it.
std::string table_html(const Json& table) {
  const std::vector<Json>& columns = member(table, "columns").items();
  if (columns.empty()) return "";
  std::string html = fmt::format(
      "<section><h2>The stages, measured on held-out problems</h2>"
      "<p class=\"note swipe\">{} {}: scroll the table sideways →</p>"
      "<div class=\"card scroll\"><table class=\"stages\"><thead><tr><td></td>",
      columns.size(), columns.size() == 1 ? "stage" : "stages");
  for (const Json& column : columns)
    html += fmt::format("<th scope=\"col\" class=\"c{}\">{}<small>{}</small></th>",
                        member(column, "color").number_text(), name_in(column, "name"),
                        name_in(column, "kind"));
  html += "</tr></thead><tbody>";
  for (const Json& row : member(table, "rows").items()) html += row_html(row, columns.size());
  html +=
      "</tbody></table></div><p class=\"note\"><b class=\"best\">Coloured</b> is the best of its "
      "row. Small figures are the 95 % interval by problems (Wilson). pass@1 is the mean over all "
      "replies, pass@k the share of problems with at least one right reply of k.</p>";
  if (is_set(table, "has_conduct"))
    html +=
        "<p class=\"note\">Taught facts were all trained in other words: recall. Joined facts, "
        "goals "
        "and look-alikes were trained in no words at all. A base whose data answer poorly on "
        "purpose "
        "(styles vague, terse, naive) is low here by its making; a later stage's gain over it is "
        "partly that undone.</p>";
  return html + "</section>\n";
}

std::string facts_html(const Json& facts) {
  if (facts.size() == 0) return "";
  std::string html = "<section><h2>Facts</h2><div class=\"card\"><table>";
  for (const Json& fact : facts.items())
    html += "<tr><th>" + name_in(fact, "name") + "</th><td>" + text_html(member(fact, "text")) +
            "</td></tr>";
  return html + "</table></div></section>\n";
}

}  // namespace

std::string summary_html(const Json& report, std::string_view part) {
  if (part == "title" || part == "subtitle") return name_in(report, part);
  if (part == "conclusion") return conclusion_html(member(report, part));
  if (part == "numbers") return numbers_html(report);
  if (part == "table") return table_html(member(report, part));
  CHECK(part == "facts");
  return facts_html(member(report, part));
}

std::string escape_html(std::string_view text) {
  std::string out;
  for (char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    if (c == '&')
      out += "&amp;";
    else if (c == '<')
      out += "&lt;";
    else if (c == '>')
      out += "&gt;";
    else if (c == '"')
      out += "&quot;";
    else if (c == '\'')
      out += "&#39;";
    else if ((byte < 0x20 && c != '\n' && c != '\t') || byte == 0x7f)
      out += "\xEF\xBF\xBD";  // U+FFFD: HTML has no way to write a control character
    else
      out += c;
  }
  return out;
}

}  // namespace weir
