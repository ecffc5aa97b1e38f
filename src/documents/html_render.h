// Walks a parsed HTML document and writes it through TextWriter: which elements are blocks, lists,
// rows, code, or not worth reading. Parsing, with its limits, is html_text.cpp's.
#pragma once
#include <gumbo.h>

#include <string>
#include <vector>

#include "documents/text_writer.h"

namespace weir {

class HtmlRenderer {
 public:
  std::string render(const GumboNode* root);

 private:
  struct List {
    bool ordered;
    int next;  // number of the next item
  };
  bool enter(const GumboNode* node);  // false: nothing of it is shown
  void leave(const GumboNode* node);
  void enter_block(const GumboElement& element);
  void enter_item();
  void enter_row(const GumboElement& element);
  void leave_row(const GumboElement& element);
  bool in(char kind) const { return !containers_.empty() && containers_.back() == kind; }

  TextWriter writer_;
  std::vector<List> lists_;
  std::string
      containers_;  // what we are inside: 'l' list item, 'd' definition, 'c' cell of a block row
  const GumboElement* row_ = nullptr;  // the row being written on one line
  int cells_ = 0;                      // of that row
  int verbatim_ = 0;                   // nesting of <pre>
};

}  // namespace weir
