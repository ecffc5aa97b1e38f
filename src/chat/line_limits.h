// Where a completion of code ends by its lines: after so many of them, or before one that is
// indented less than wanted, which belongs to what is around the hole.
#pragma once
#include <string>
#include <string_view>

namespace weir {

struct LineLimits {
  int lines = 0;  // at most; 0: any number
  int indent =
      0;  // blanks that lines after the first one begin with, at least; empty lines may not
};

class LineScanner {
 public:
  explicit LineScanner(LineLimits limits) : limits_(limits) {}

  // Takes the next text of a reply. Returns what became certain: the line end and the blanks that
  // begin a line are held back until it is known whether the line counts.
  std::string push(std::string_view text);
  std::string finish();                  // what was held back
  bool found() const { return found_; }  // the reply is to end

 private:
  LineLimits limits_;
  std::string held_;       // from the end of a line on
  bool is_blank_ = false;  // so far, in a line after the first one
  bool found_ = false;
  int lines_ = 0, indent_ = 0;
};

}  // namespace weir
