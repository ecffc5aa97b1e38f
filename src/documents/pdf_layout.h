// From words on pages to headings, paragraphs, lists and tables. Knows nothing of PDF.
#pragma once
#include <map>
#include <string>
#include <vector>

#include "documents/document_builder.h"

namespace weir {

// A word and its box in points; y grows downwards.
struct PageWord {
  std::string text;  // UTF-8
  double left = 0, top = 0, right = 0, bottom = 0;
  double size = 0;  // of the font
  bool is_bold = false, is_mono = false;
  bool space_after = false;
};

struct PageText {
  double width = 0, height = 0;
  std::vector<PageWord> words;  // in reading order
};

// Words of one line, or of one cell of a table.
struct PageLine {
  std::string text;
  double left = 0, top = 0, right = 0, bottom = 0, size = 0;
  bool is_bold = false, is_mono = false;  // all of it, or nearly
};

// Levels of the headings that the file's outline lists, by heading_key().
using OutlineLevels = std::map<std::string, int>;
std::string heading_key(const std::string& text);

// Adds all pages. Lines that repeat at the same place of several pages (headers, footers, page
// numbers) are left out; hyphens at line ends are undone; a paragraph that goes on on the next page
// belongs to the first.
void add_pages(const std::vector<PageText>& pages, const OutlineLevels& outline,
               DocumentBuilder& document);

// The steps, for tests. Lines in reading order:
std::vector<PageLine> lines_of_words(const std::vector<PageWord>& words);

// Rows of cells that stand in columns; `line` is the place in reading order: before which of the
// remaining words the table stands.
struct PageTable {
  size_t word = 0;
  double top = 0, bottom = 0;
  std::vector<std::vector<std::string>> rows;
};
// Removes the words of the tables from `words`.
std::vector<PageTable> take_tables(std::vector<PageWord>& words);

// "exam-" and "ple" as "example"; Chinese and Japanese lines are joined without a blank.
void join_line(std::string& text, const std::string& line);

}  // namespace weir
