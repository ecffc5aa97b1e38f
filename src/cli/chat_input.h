// What somebody says to a model: lines that are edited on a terminal, or text from a pipe.
#pragma once
#include <memory>
#include <optional>
#include <string>

#include "base/terminal.h"
#include "cli/line_editor.h"
#include "cli/standard_input.h"
#include "cli/state_folder.h"

namespace weir {

struct ChatText {
  InputLine::State state = InputLine::State::end;
  std::string text = {};
  bool is_verbatim = false;  // a question whatever it begins with: """ ... """, or a pipe
};

class ChatInput {
 public:
  // On a terminal questions are kept for the keys up and down unless `is_private`. A pipe is one
  // question, or with `by_lines` a question or command a line. Prints what does not work on
  // standard error; nothing of it is needed.
  ChatInput(bool by_lines, bool is_private, bool (*is_interrupted)());

  bool is_terminal() const { return is_terminal_; }
  // The next line, or all lines from one that begins with """ to one that ends with it.
  // An error for a pipe that is no text.
  Result<ChatText> next();

 private:
  InputLine read(const char* prompt);
  void remember(const std::string& text);
  Result<ChatText> whole_pipe();

  bool by_lines_, is_terminal_, is_done_ = false;
  std::optional<ChatTerminal> terminal_;  // before the editor, which takes its state as given
  std::unique_ptr<LineEditor> editor_;
  std::optional<InputHistory> history_;
};

}  // namespace weir
