#include "base/terminal.h"

#include <signal.h>
#include <string.h>
#include <sys/ioctl.h>
#include <termios.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <string_view>

namespace weir {
namespace {

constexpr char kPasteMarksOn[] = "\x1b[?2004h", kPasteMarksOff[] = "\x1b[?2004l";

// Read by signal handlers: set before `output_fd`, which says that they are valid.
termios original;
volatile sig_atomic_t output_fd = -1;

void write_all(int fd, const char* text) { (void)!write(fd, text, strlen(text)); }

void on_deadly_signal(int number) {
  restore_terminal();
  signal(number, SIG_DFL);
  raise(number);
}

}  // namespace

bool stderr_is_terminal() { return isatty(STDERR_FILENO) == 1; }
bool stdout_is_terminal() { return isatty(STDOUT_FILENO) == 1; }

TerminalSize stderr_size() {
  winsize size{};
  if (ioctl(STDERR_FILENO, TIOCGWINSZ, &size) != 0) return {};
  return {size.ws_col, size.ws_row};
}

void write_stderr(const std::string& text) { (void)std::fputs(text.c_str(), stderr); }

bool stdout_has_color() {
  const char* no_color = std::getenv("NO_COLOR");
  const char* terminal = std::getenv("TERM");
  if (no_color && *no_color) return false;
  if (terminal && std::string_view(terminal) == "dumb") return false;
  return stdout_is_terminal();
}

ChatTerminal::ChatTerminal(int output) {
  if (tcgetattr(STDIN_FILENO, &original) != 0) return;
  termios quiet = original;
  quiet.c_lflag &= tcflag_t(~(ECHO | ICANON));
  quiet.c_iflag &= tcflag_t(~ICRNL);
  quiet.c_cc[VMIN] = 1;
  quiet.c_cc[VTIME] = 0;
  output_fd = output;
  for (const int number : {SIGTERM, SIGHUP, SIGQUIT}) signal(number, on_deadly_signal);
  tcsetattr(STDIN_FILENO, TCSADRAIN, &quiet);
  write_all(output, kPasteMarksOn);
}

ChatTerminal::~ChatTerminal() {
  restore_terminal();
  for (const int number : {SIGTERM, SIGHUP, SIGQUIT}) signal(number, SIG_DFL);
}

void restore_terminal() {
  const int fd = output_fd;
  if (fd < 0) return;
  output_fd = -1;
  write_all(fd, kPasteMarksOff);
  tcsetattr(STDIN_FILENO, TCSAFLUSH, &original);  // FLUSH drops what was not read
}

}  // namespace weir
