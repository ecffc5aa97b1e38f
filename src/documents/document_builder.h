// What every reader uses to write a document: clean text in, blocks out.
#pragma once
#include <string>
#include <string_view>
#include <vector>

#include "documents/document.h"

namespace weir {

// Blanks and line ends collapsed to single spaces (U+00A0 too), invisible and control characters
// dropped, bytes that are no UTF-8 as U+FFFD.
std::string running_text(std::string_view text);
// The same for each line by itself; empty lines are dropped.
std::string lines_of_text(std::string_view text);
// Code: blanks and lines stay. Control characters other than tabs, blanks at line ends and empty
// lines around it are dropped.
std::string code_text(std::string_view text);

class DocumentBuilder {
 public:
  explicit DocumentBuilder(std::string name) { document_.name = std::move(name); }

  // Of the blocks that follow; 0: none.
  void set_page(int page) { page_ = page; }
  void set_title(std::string_view title);  // the first that is not blank counts
  void set_language(std::string_view language);
  // Blank text adds nothing. A paragraph and a list item keep their line ends.
  void heading(int level, std::string_view text);
  void paragraph(std::string_view text);
  void list_item(int depth, std::string_view text);
  void code(std::string_view text);
  // Rows that are blank, and cells that are blank in all of the last columns, are left out.
  void table(const std::vector<std::vector<std::string>>& rows);
  void note(std::string text);
  // The blocks and notes of another document, without its pages.
  void append(const Document& other);

  bool has_blocks() const { return !document_.blocks.empty(); }
  const Document& document() const { return document_; }
  // Without a title, the first heading becomes it.
  Document finish();

 private:
  void add(DocumentBlock::Kind kind, int level, std::string text);

  Document document_;
  int page_ = 0;
};

// Several pages or sheets put their tables together so.
std::string table_text(const std::vector<std::vector<std::string>>& rows);

}  // namespace weir
