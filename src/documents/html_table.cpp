#include "documents/html_table.h"

#include <algorithm>

#include "base/text.h"
#include "documents/html_roles.h"

namespace weir {
namespace {

constexpr size_t kColumnsMax = 1000;
constexpr int64_t kRowSpanMax = 1000;
// Spans of larger tables and of longer cells are not repeated: a few bytes of HTML could demand
// any amount of memory.
constexpr size_t kCellsMax = 1'000'000, kRepeatedBytesMax = 200;

// The elements of a role below `root`, in order, not those inside of another table.
std::vector<const GumboElement*> find_elements(const GumboElement& root, HtmlRole role) {
  std::vector<const GumboElement*> found;
  std::vector<const GumboElement*> open = {&root};
  while (!open.empty()) {
    const GumboElement& element = *open.back();
    open.pop_back();
    if (&element != &root && html_role(element.tag) == role) {
      found.push_back(&element);
      continue;
    }
    if (&element != &root && html_role(element.tag) == HtmlRole::table) continue;
    for (unsigned i = element.children.length; i > 0; --i)
      if (const GumboNode* node = html_child(element, i - 1); is_html_element(node))
        open.push_back(&node->v.element);
  }
  return found;
}

int64_t span(const GumboElement& cell, const char* name, int64_t most) {
  const Result<int64_t> value = parse_int(html_attribute(cell, name));
  return value ? std::clamp<int64_t>(*value, 1, most) : 1;
}

// Cells of earlier rows that reach into the next ones, by column.
struct Reaching {
  std::string text;
  int64_t rows = 0;
};

}  // namespace

std::vector<std::vector<std::string>> html_table_rows(const GumboElement& table) {
  const std::vector<const GumboElement*> rows = find_elements(table, HtmlRole::row);
  for (const GumboElement* row : rows)
    if (needs_lines(*row)) return {};
  std::vector<std::vector<std::string>> texts;
  std::vector<Reaching> reaching;
  size_t columns = 0, count = 0;
  for (const GumboElement* row : rows) {
    std::vector<std::string> cells;
    const auto take_reaching = [&] {
      while (cells.size() < reaching.size() && reaching[cells.size()].rows > 0) {
        --reaching[cells.size()].rows;
        cells.push_back(reaching[cells.size()].text);
      }
    };
    for (const GumboElement* cell : find_elements(*row, HtmlRole::cell)) {
      take_reaching();
      const bool spans = count + cells.size() < kCellsMax && cells.size() < kColumnsMax;
      const int64_t wide = spans ? span(*cell, "colspan", 100) : 1;
      const int64_t high = spans ? span(*cell, "rowspan", kRowSpanMax) : 1;
      for (int64_t i = 0; i < wide; ++i) {
        cells.push_back(i == 0 ? html_cell_text(*cell) : "");
        if (high == 1 || cells.back().size() > kRepeatedBytesMax) continue;
        reaching.resize(std::max(reaching.size(), cells.size()));
        reaching[cells.size() - 1] = {cells.back(), high - 1};
      }
    }
    take_reaching();
    columns = std::max(columns, cells.size());
    count += cells.size();
    texts.push_back(std::move(cells));
  }
  if (columns < 2) return {};
  return texts;
}

std::string html_table_caption(const GumboElement& table) {
  for (unsigned i = 0; i < table.children.length; ++i)
    if (const GumboNode* node = html_child(table, i);
        is_html_element(node) && node->v.element.tag == GUMBO_TAG_CAPTION)
      return html_cell_text(node->v.element);
  return "";
}

std::string html_cell_text(const GumboElement& cell) {
  std::string text;
  struct Open {
    const GumboElement* element;
    unsigned next = 0;
  };
  std::vector<Open> open = {{&cell}};
  while (!open.empty()) {
    const GumboElement& element = *open.back().element;
    if (open.back().next == element.children.length) {
      const HtmlRole role = html_role(element.tag);
      if (role != HtmlRole::inline_text && role != HtmlRole::superscript) text += ' ';
      open.pop_back();
      continue;
    }
    const GumboNode* node = html_child(element, open.back().next++);
    if (node->type == GUMBO_NODE_TEXT || node->type == GUMBO_NODE_CDATA ||
        node->type == GUMBO_NODE_WHITESPACE) {
      text += node->v.text.text;
    } else if (is_html_element(node)) {
      const GumboElement& child = node->v.element;
      const HtmlRole role = html_role(child.tag);
      if (role == HtmlRole::dropped || is_navigation(child)) continue;
      if (role == HtmlRole::superscript)
        text += is_exponent(child) ? "^" : "";
      else if (role != HtmlRole::inline_text)
        text += ' ';
      open.push_back({&child});
    }
  }
  return text;
}

}  // namespace weir
