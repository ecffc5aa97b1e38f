// Lays out running text, lists, table rows and code as plain text: white space collapsed, blank
// lines between blocks, no trailing blanks. Knows nothing of HTML.
#pragma once
#include <string>
#include <string_view>

namespace weir {

class TextWriter {
 public:
  // Running text: every run of white space (also U+00A0) becomes one space.
  void text(std::string_view utf8);
  // Code: spaces and newlines stay. begin_verbatim() starts a block, whose leading empty lines go.
  void begin_verbatim();
  void verbatim(std::string_view utf8);

  // At least this many newlines (1: next line, 2: one empty line) before what follows.
  void line_break(int newlines);
  // Columns before every line of what follows; negative to go back.
  void indent(int columns) { indent_ += columns; }
  // Starts a list item or a definition: `marker` (or nothing) stands before its first text, inside
  // the indentation. Without text it leaves no trace.
  void begin_item(std::string_view marker);
  void end_item();

  // Until end_row() everything stays on one line; next_cell() puts " | " between cells.
  void begin_row();
  void next_cell() { ++separators_; }
  void end_row();

  std::string finish();

 private:
  void open_text();  // writes what is pending: newlines, indentation, marker, separators, blanks
  void blank(char c, bool keep);

  std::string out_, blanks_, marker_;
  int breaks_ = 0, indent_ = 0, separators_ = 0;
  bool in_row_ = false, verbatim_began_ = false;
  bool item_began_ = false;  // and has no text yet: its first block stands where it begins
};

}  // namespace weir
