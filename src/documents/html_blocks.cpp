#include "documents/html_blocks.h"

#include <gumbo.h>

#include <algorithm>
#include <vector>

#include "base/text.h"
#include "documents/html_parse.h"
#include "documents/html_roles.h"
#include "documents/html_table.h"
#include "documents/text_encoding.h"

namespace weir {
namespace {

using Role = HtmlRole;

int heading_level(GumboTag tag) {
  return tag >= GUMBO_TAG_H1 && tag <= GUMBO_TAG_H6 ? int(tag) - int(GUMBO_TAG_H1) + 1 : 0;
}

// Boxes whose title says no more than "Note": a heading there would own what follows the box.
bool is_admonition(const GumboElement& element) {
  if (element.tag != GUMBO_TAG_DIV && element.tag != GUMBO_TAG_ASIDE) return false;
  for (const char* name : {"note", "tip", "warning", "caution", "important", "admonition"})
    if (has_class(element, name)) return true;
  return false;
}

bool is_contents(const GumboElement& element) {
  return has_class(element, "toc") || has_class(element, "toctree-wrapper");
}

bool is_main(const GumboElement& element) {
  return element.tag == GUMBO_TAG_MAIN || element.tag == GUMBO_TAG_ARTICLE ||
         html_attribute(element, "role") == "main";
}

// Calls enter(node) for every node below `root`, and leave(element) after the children of those
// elements for which it was true. Nesting costs heap, never call depth.
template <class Enter, class Leave>
void walk(const GumboNode* root, Enter enter, Leave leave) {
  struct Open {
    const GumboNode* node;
    unsigned next = 0;
  };
  std::vector<Open> open;
  if (enter(root)) open.push_back({root});
  while (!open.empty()) {
    const GumboElement& element = open.back().node->v.element;
    if (open.back().next == element.children.length) {
      leave(element);
      open.pop_back();
      continue;
    }
    const GumboNode* node = html_child(element, open.back().next++);
    if (enter(node)) open.push_back({node});
  }
}

// What must be known before the first block is written.
struct Page {
  bool has_main = false;
  bool has_heading = false;  // an <h1> outside of <header>
  std::string title;
};

Page look_over(const GumboNode* root) {
  Page page;
  int headers = 0;
  walk(
      root,
      [&](const GumboNode* node) {
        if (!is_html_element(node)) return false;
        const GumboElement& element = node->v.element;
        page.has_main |= is_main(element);
        page.has_heading |= element.tag == GUMBO_TAG_H1 && headers == 0;
        headers += element.tag == GUMBO_TAG_HEADER;
        if (element.tag == GUMBO_TAG_TITLE && page.title.empty())
          page.title = html_cell_text(element);
        return element.tag != GUMBO_TAG_SVG;
      },
      [&](const GumboElement& element) { headers -= element.tag == GUMBO_TAG_HEADER; });
  return page;
}

class BlockWriter {
 public:
  BlockWriter(const Page& page, DocumentBuilder& document) : page_(page), document_(document) {}

  void write(const GumboNode* root) {
    walk(
        root, [this](const GumboNode* node) { return enter(node); },
        [this](const GumboElement& element) { leave(element); });
    flush();
  }

 private:
  struct List {
    bool ordered;
    int next;
  };

  bool enter(const GumboNode* node);
  bool is_dropped(const GumboElement& element) const;
  bool enter_element(const GumboElement& element);
  void leave(const GumboElement& element);
  // Writes what was collected since the last block began.
  void flush();
  int depth() const { return int(lists_.size()) - 1; }

  const Page& page_;
  DocumentBuilder& document_;
  std::string text_;           // of the current block
  std::vector<List> lists_;    // that are open, <dl> included
  std::string marker_, term_;  // of the next block, an item
  bool is_item_ = false;       // the next block begins an item
  int heading_ = 0, verbatim_ = 0, mains_ = 0, admonitions_ = 0;
};

bool BlockWriter::enter(const GumboNode* node) {
  switch (node->type) {
    case GUMBO_NODE_TEXT:
    case GUMBO_NODE_CDATA:
    case GUMBO_NODE_WHITESPACE: {
      const size_t begin = text_.size();
      text_ += node->v.text.text;
      // A line end of the source is a blank; only <br> ends a line.
      if (verbatim_ == 0)
        std::replace(text_.begin() + std::ptrdiff_t(begin), text_.end(), '\n', ' ');
      return false;
    }
    case GUMBO_NODE_COMMENT:
    case GUMBO_NODE_DOCUMENT:
      return false;
    default:
      break;
  }
  const GumboElement& element = node->v.element;
  return !is_dropped(element) && enter_element(element);
}

bool BlockWriter::is_dropped(const GumboElement& element) const {
  if (html_role(element.tag) == Role::dropped || is_navigation(element) || is_contents(element))
    return true;
  if (mains_ > 0) return false;
  switch (element.tag) {
    case GUMBO_TAG_FOOTER:
      return true;
    case GUMBO_TAG_HEADER:
      return page_.has_main || page_.has_heading;
    case GUMBO_TAG_ASIDE:
      return page_.has_main;
    default:
      return false;
  }
}

bool BlockWriter::enter_element(const GumboElement& element) {
  mains_ += is_main(element);
  admonitions_ += is_admonition(element);
  switch (html_role(element.tag)) {
    case Role::inline_text:
    case Role::dropped:
      break;
    case Role::superscript:
      if (is_exponent(element)) text_ += '^';
      break;
    case Role::quotation:
      text_ += '"';
      break;
    case Role::line_end:
      text_ += '\n';
      break;
    case Role::heading:
      flush();
      heading_ = heading_level(element.tag);
      break;
    case Role::preformatted:
      if (verbatim_ == 0) flush();
      ++verbatim_;
      break;
    case Role::list:
    case Role::definition_list:
      flush();
      lists_.push_back({element.tag == GUMBO_TAG_OL, 1});
      break;
    case Role::item:
      flush();
      is_item_ = true;
      marker_.clear();
      if (!lists_.empty() && lists_.back().ordered)
        marker_ = std::to_string(lists_.back().next++) + ". ";
      break;
    case Role::table: {
      const std::vector<std::vector<std::string>> rows = html_table_rows(element);
      if (rows.empty()) {
        flush();  // a table for layout: its cells are blocks
        break;
      }
      flush();
      document_.paragraph(html_table_caption(element));
      document_.table(rows);
      mains_ -= is_main(element);
      return false;
    }
    case Role::term:
      flush();
      break;
    case Role::definition:
      flush();
      is_item_ = true;
      marker_.clear();
      break;
    case Role::block:
    case Role::paragraph:
    case Role::row:
    case Role::cell:
      flush();
      break;
  }
  return true;
}

void BlockWriter::leave(const GumboElement& element) {
  switch (html_role(element.tag)) {
    case Role::quotation:
      text_ += '"';
      break;
    case Role::heading:
      flush();
      heading_ = 0;
      break;
    case Role::preformatted:
      if (verbatim_ == 1) {
        if (heading_ == 0) document_.code(text_);
        text_.clear();
      }
      --verbatim_;
      break;
    case Role::list:
    case Role::definition_list:
      flush();
      if (!term_.empty()) document_.list_item(depth(), term_);
      term_.clear();
      if (!lists_.empty()) lists_.pop_back();
      is_item_ = false;
      break;
    case Role::term:
      // Several terms may share a definition.
      if (const std::string term = running_text(text_); !term.empty())
        term_ += (term_.empty() ? "" : ", ") + term;
      text_.clear();
      break;
    case Role::item:
    case Role::definition:
      flush();
      is_item_ = false;
      break;
    case Role::block:
    case Role::paragraph:
    case Role::row:
    case Role::cell:
    case Role::table:
      flush();
      break;
    default:
      break;
  }
  mains_ -= is_main(element);
  admonitions_ -= is_admonition(element);
}

void BlockWriter::flush() {
  std::string text;
  text.swap(text_);
  if (verbatim_ > 0) {
    if (text.find_first_not_of(" \t\n") == text.npos) return;
    return document_.code(text);
  }
  text = lines_of_text(text);
  if (text.empty()) return;
  if (heading_ > 0 && admonitions_ == 0) return document_.heading(heading_, text);
  if (!is_item_) return document_.paragraph(text);
  is_item_ = false;
  if (!term_.empty()) text = term_ + ": " + text;
  term_.clear();
  document_.list_item(depth(), marker_ + text);
}

bool is_xhtml(std::string_view html) {
  const std::string_view head = html.substr(0, 1024);
  return head.starts_with("<?xml") || head.find("http://www.w3.org/1999/xhtml") != head.npos;
}

}  // namespace

Result<void> add_html(std::string_view html, DocumentBuilder& document) {
  const std::string expanded = is_xhtml(html) ? expand_empty_elements(html) : "";
  const HtmlTree tree = TRY(HtmlTree::parse(expanded.empty() ? html : expanded));
  const Page page = look_over(tree.root());
  document.set_title(page.title);
  document.set_language(html_attribute(tree.root()->v.element, "lang"));
  document.set_language(html_attribute(tree.root()->v.element, "xml:lang"));
  BlockWriter(page, document).write(tree.root());
  return {};
}

Result<void> add_html_bytes(std::string_view bytes, std::string_view declared,
                            DocumentBuilder& document) {
  const std::string in_file = declared_encoding(bytes);
  const DecodedText decoded = TRY(decode_text(bytes, declared.empty() ? in_file : declared));
  if (decoded.replaced > 0)
    document.note(std::to_string(decoded.replaced) + " bytes are no characters of " +
                  decoded.encoding);
  return add_html(decoded.text, document);
}

std::string expand_empty_elements(std::string_view xhtml) {
  static constexpr std::string_view kVoid[] = {"area",  "base",   "br",    "col",   "embed",
                                               "hr",    "img",    "link",  "input", "meta",
                                               "param", "source", "track", "wbr"};
  std::string out;
  out.reserve(xhtml.size() + xhtml.size() / 16);
  for (size_t at = 0; at < xhtml.size();) {
    const size_t end = xhtml.find("/>", at);
    if (end == xhtml.npos) {
      out.append(xhtml.substr(at));
      break;
    }
    const size_t open = xhtml.substr(at, end - at).rfind('<');
    std::string_view name;
    if (open != xhtml.npos) {
      name = xhtml.substr(at + open + 1, end - at - open - 1);
      name = name.substr(0, std::min(name.find_first_of(" \t\r\n>/"), name.size()));
    }
    const bool is_element = !name.empty() && (name[0] | 0x20) >= 'a' && (name[0] | 0x20) <= 'z' &&
                            std::ranges::find(kVoid, name) == std::end(kVoid);
    out.append(xhtml.substr(at, end - at));
    if (is_element)
      out.append("></").append(name).append(">");
    else
      out.append("/>");
    at = end + 2;
  }
  return out;
}

}  // namespace weir
