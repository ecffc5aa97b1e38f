// A place in a text file as editors and compilers write it: FILE:LINE or FILE:LINE:COLUMN.
#pragma once
#include <string>

#include "base/result.h"

namespace weir {

struct FilePlace {
  std::string path;
  int line = 0;    // from 1
  int column = 0;  // from 1, in characters; 0: the end of the line
};

Result<FilePlace> parse_file_place(const std::string& text);

// The bytes before a place in a text. A line that only would begin, after the last line's end, is
// one too. The error tells how many lines or columns there are.
Result<size_t> offset_of(const FilePlace& place, const std::string& text);

}  // namespace weir
