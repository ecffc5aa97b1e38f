// The tree is walked with a stack of its own, so that nesting costs heap, never call depth.
#include "documents/html_render.h"

#include <algorithm>

#include "documents/html_roles.h"

namespace weir {
namespace {

using Role = HtmlRole;

}  // namespace

std::string HtmlRenderer::render(const GumboNode* root) {
  struct Open {
    const GumboNode* node;
    unsigned next = 0;  // child to enter
  };
  std::vector<Open> open;
  if (enter(root)) open.push_back({root});
  while (!open.empty()) {
    const GumboElement& element = open.back().node->v.element;
    if (open.back().next == element.children.length) {
      leave(open.back().node);
      open.pop_back();
      continue;
    }
    const GumboNode* node = html_child(element, open.back().next++);
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
