// The terminal behind the standard streams: what it can show, and its state while somebody talks to
// a model.
#pragma once
#include <string>

namespace weir {

bool stderr_is_terminal();
bool stdout_is_terminal();
// Of the terminal behind stderr; 0 when it does not say.
struct TerminalSize {
  int columns = 0, rows = 0;
};
TerminalSize stderr_size();
// Unlike fmt::print, ignores a standard error that takes no more: the work continues.
void write_stderr(const std::string& text);
// Standard output is a terminal, and nobody asked for plain text (NO_COLOR, https://no-color.org;
// TERM=dumb).
bool stdout_has_color();

// Keys are neither shown nor collected into lines while an answer is written, and pastes arrive
// between marks (bracketed paste), until the object is gone or a signal ends the process. What was
// typed and not read by then is thrown away: the shell must not run it. One object at a time;
// `output` is the terminal's descriptor to write to.
class ChatTerminal {
 public:
  explicit ChatTerminal(int output);
  ~ChatTerminal();
  ChatTerminal(const ChatTerminal&) = delete;
  ChatTerminal& operator=(const ChatTerminal&) = delete;
};

// As the destructor does; safe in a signal handler, and without effect when no ChatTerminal lives.
void restore_terminal();

}  // namespace weir
