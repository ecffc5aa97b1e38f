// What the terminal can show, and its state while somebody talks to a model.
#pragma once

namespace weir {

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
