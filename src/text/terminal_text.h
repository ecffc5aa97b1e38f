// Text in the columns of a terminal: how wide it is, cutting, wrapping, colors.
#pragma once
#include <string>
#include <string_view>
#include <vector>

namespace weir {

// Text from outside as one line of a terminal: blanks and line ends become one blank, other control
// characters and bytes that are no UTF-8 '?'; characters without width of their own (combining
// marks, marks of writing direction) are left out. At most `bytes_max` bytes are looked at.
std::string one_line(std::string_view text, size_t bytes_max);

// Columns of text as one_line gives it; Chinese characters take two. Color codes take none.
int columns_of(std::string_view text);
// At most `columns` wide, ending in "…" when something was cut.
std::string cut_columns(std::string_view text, int columns);
// Lines of at most `columns`, broken at blanks where there are any; at most `lines_max`, the last
// one ending in "…" when there was more.
std::vector<std::string> wrap_columns(std::string_view text, int columns, size_t lines_max);

// A name and what is said of it as lines: "plan      about ...", going on under itself. `columns`
// 0: one line of any length.
std::vector<std::string> fact_lines(std::string_view name, std::string_view text, int columns);
// A line broken at blanks; what follows the first stands as far in as its own second part (after
// leading blanks, a word and at least two blanks), or two columns more than its beginning.
std::vector<std::string> hanging_lines(std::string_view line, int columns);

enum class Ink { plain, dim, bold, accent, good, bad, warn };
const char* ink_code(Ink ink);  // the SGR sequence; "" for plain

// A line made of pieces in several colors, which knows how wide it is.
class InkedLine {
 public:
  InkedLine(int columns, bool has_color) : columns_(columns), has_color_(has_color) {}
  // Cut where the line is full.
  InkedLine& add(std::string_view text, Ink ink = Ink::plain);
  // Only if it fits as a whole, with the gap before it unless the line is empty.
  bool add_whole(std::string_view text, Ink ink = Ink::plain, int gap = 2);
  int left() const { return columns_ - used_; }
  const std::string& text() const { return text_; }

 private:
  int columns_, used_ = 0;
  bool has_color_;
  std::string text_;
};

}  // namespace weir
