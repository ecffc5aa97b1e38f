// The tree is walked with a stack of its own, so that nesting costs heap, never call depth.
#include "corpus/html_render.h"

#include <algorithm>
#include <cctype>

#include "corpus/html_roles.h"

namespace weir {
namespace {

using Role = HtmlRole;

const GumboNode* child(const GumboVector& children, unsigned i) {
  return static_cast<const GumboNode*>(children.data[i]);
}

bool is_element(const GumboNode* node) {
  return node->type == GUMBO_NODE_ELEMENT || node->type == GUMBO_NODE_TEMPLATE;
}

// 2<sup>31</sup> is 2^31 in plain text; a footnote mark or "1<sup>st</sup>" stays as it is.
bool is_exponent(const GumboElement& element) {
  if (element.children.length != 1) return false;
  const GumboNode* only = child(element.children, 0);
  if (only->type != GUMBO_NODE_TEXT) return false;
  const char* text = only->v.text.text;
  bool number = std::isdigit(static_cast<unsigned char>(text[0])) || text[0] == '-';
  return number || (std::isalpha(static_cast<unsigned char>(text[0])) && text[1] == 0);
}

// A row is written on one line unless it holds blocks that need lines of their own, as pages that
// use tables for layout do. A lone cell with several paragraphs is a block too.
bool needs_lines(const GumboElement& row) {
  std::vector<const GumboElement*> open = {&row};
  int cells = 0, paragraphs = 0;
  while (!open.empty()) {
    const GumboElement& element = *open.back();
    open.pop_back();
    for (unsigned i = 0; i < element.children.length; ++i) {
      const GumboNode* node = child(element.children, i);
      if (!is_element(node)) continue;
      switch (html_role(node->v.element.tag)) {
        case Role::table:
        case Role::list:
        case Role::definition_list:
        case Role::preformatted:
        case Role::heading:
          return true;
        case Role::paragraph:
          ++paragraphs;
          break;
        case Role::cell:
          ++cells;
          break;
        default:
          break;
      }
      open.push_back(&node->v.element);
    }
  }
  return cells == 1 && paragraphs > 1;
}

}  // namespace

std::string HtmlRenderer::render(const GumboNode* root) {
  struct Open {
    const GumboNode* node;
    unsigned next = 0;  // child to enter
  };
  std::vector<Open> open;
  if (enter(root)) open.push_back({root});
  while (!open.empty()) {
    const GumboVector& children = open.back().node->v.element.children;
    if (open.back().next == children.length) {
      leave(open.back().node);
      open.pop_back();
      continue;
    }
    const GumboNode* node = child(children, open.back().next++);
    if (enter(node)) open.push_back({node});
  }
  return writer_.finish();
}

bool HtmlRenderer::enter(const GumboNode* node) {
  switch (node->type) {
    case GUMBO_NODE_TEXT:
    case GUMBO_NODE_CDATA:
      verbatim_ > 0 ? writer_.verbatim(node->v.text.text) : writer_.text(node->v.text.text);
      return false;
    case GUMBO_NODE_WHITESPACE:
      verbatim_ > 0 ? writer_.verbatim(node->v.text.text) : writer_.text(" ");
      return false;
    case GUMBO_NODE_COMMENT:
    case GUMBO_NODE_DOCUMENT:
      return false;
    default:
      break;
  }
  const GumboElement& element = node->v.element;
  if (html_role(element.tag) == Role::dropped || is_navigation(element)) return false;
  enter_block(element);
  return true;
}

void HtmlRenderer::enter_block(const GumboElement& element) {
  switch (html_role(element.tag)) {
    case Role::block:
      writer_.line_break(1);
      break;
    case Role::paragraph:
      writer_.line_break(in('c') ? 1 : 2);
      break;
    case Role::heading:
    case Role::table:
      writer_.line_break(2);
      break;
    case Role::preformatted:
      writer_.begin_verbatim();
      ++verbatim_;
      break;
    case Role::list:
      writer_.line_break(lists_.empty() ? 2 : 1);
      lists_.push_back({.ordered = element.tag == GUMBO_TAG_OL, .next = 1});
      break;
    case Role::item:
      enter_item();
      break;
    case Role::definition_list:
      writer_.line_break(in('d') ? 1 : 2);
      break;
    case Role::term:
      writer_.line_break(1);
      break;
    case Role::definition:
      writer_.indent(2);
      writer_.begin_item("");
      containers_ += 'd';
      break;
    case Role::row:
      enter_row(element);
      break;
    case Role::cell:
      if (row_ && cells_++ > 0) writer_.next_cell();
      if (!row_) writer_.line_break(1);
      if (!row_) containers_ += 'c';
      break;
    case Role::line_end:
      verbatim_ > 0 ? writer_.verbatim("\n") : writer_.line_break(1);
      break;
    case Role::superscript:
      if (is_exponent(element)) writer_.text("^");
      break;
    case Role::quotation:
      writer_.text("\"");
      break;
    case Role::inline_text:
    case Role::dropped:
      break;
  }
}

void HtmlRenderer::enter_item() {
  bool ordered = !lists_.empty() && lists_.back().ordered;
  writer_.indent(ordered ? 3 : 2);
  writer_.begin_item(ordered ? std::to_string(lists_.back().next++) + ". " : "- ");
  containers_ += 'l';
}

void HtmlRenderer::enter_row(const GumboElement& element) {
  if (row_ || needs_lines(element)) return writer_.line_break(2);
  row_ = &element;
  cells_ = 0;
  writer_.begin_row();
}

void HtmlRenderer::leave_row(const GumboElement& element) {
  if (row_ != &element) return writer_.line_break(2);
  row_ = nullptr;
  writer_.end_row();
}

void HtmlRenderer::leave(const GumboNode* node) {
  const GumboElement& element = node->v.element;
  switch (html_role(element.tag)) {
    case Role::block:
      writer_.line_break(1);
      break;
    // Items stay close together; the entries of a definition list are set apart.
    case Role::paragraph:
      writer_.line_break(in('l') || in('c') ? 1 : 2);
      break;
    case Role::heading:
    case Role::table:
      writer_.line_break(2);
      break;
    case Role::preformatted:
      --verbatim_;
      writer_.line_break(2);
      break;
    case Role::list:
      lists_.pop_back();
      writer_.line_break(lists_.empty() ? 2 : 1);
      break;
    case Role::item:
      writer_.end_item();
      writer_.indent(!lists_.empty() && lists_.back().ordered ? -3 : -2);
      containers_.pop_back();
      break;
    case Role::definition_list:
      writer_.line_break(in('d') ? 1 : 2);
      break;
    case Role::definition:
      writer_.end_item();
      writer_.indent(-2);
      containers_.pop_back();
      break;
    case Role::row:
      leave_row(element);
      break;
    case Role::cell:
      if (!row_) {
        writer_.line_break(1);
        containers_.pop_back();
      }
      break;
    case Role::term:
      writer_.line_break(1);
      break;
    case Role::quotation:
      writer_.text("\"");
      break;
    default:
      break;
  }
}

}  // namespace weir
