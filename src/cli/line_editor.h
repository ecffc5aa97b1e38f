// Lines from a terminal with libedit's editing and history. A paste is one piece of text, whatever
// line ends it holds.
#pragma once
#include <memory>
#include <string>
#include <vector>

#include "cli/standard_input.h"

namespace weir {

class LineEditor {
 public:
  // Null when the terminal cannot be edited on. `output` is the stream that shows the line.
  // `is_interrupted` tells whether a signal that came while waiting was Ctrl-C.
  static std::unique_ptr<LineEditor> create(FILE* output, bool (*is_interrupted)());
  ~LineEditor();
  LineEditor(const LineEditor&) = delete;
  LineEditor& operator=(const LineEditor&) = delete;

  // What the keys up and down show; older lines first.
  void remember(const std::string& text);
  // A line in UTF-8, without its end; line ends within it come from pastes. Ctrl-C is
  // `interrupted`, Ctrl-D on an empty line `end`.
  InputLine read(const std::string& prompt);

 private:
  LineEditor() = default;
  struct State;
  std::unique_ptr<State> state_;
};

// A paste with its line ends as '\n' and without other control characters but tabs.
std::wstring clean_paste(const std::wstring& text);
// Pastes of many lines are shown as "[pasted: 132 lines, 6565 characters]" while the line is
// edited.
bool is_long_paste(const std::wstring& text);

}  // namespace weir
