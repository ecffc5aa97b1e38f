#include "cli/standard_input.h"

#include <unistd.h>

#include <cerrno>
#include <cstdio>

#include "base/file.h"
#include "corpus/corpus.h"

namespace weir {

Result<std::string> read_standard_input() {
  std::string text;
  char block[1 << 16];
  for (size_t n; (n = fread(block, 1, sizeof block, stdin)) > 0;) {
    text.append(block, n);
    if (text.size() > kInputBytesMax)
      return Error{"standard input: more than 64 MiB are not read; give less text"};
  }
  if (ferror(stdin)) return Error{"standard input: reading failed; check where it comes from"};
  return clean_text(std::move(text), "standard input");
}

Result<std::string> read_text_input(const std::string& path) {
  if (path == "-") return read_standard_input();
  return clean_text(TRY(read_file(path, kInputBytesMax)), path);
}

Result<std::string> read_piped_text() {
  if (isatty(STDIN_FILENO) == 1) return std::string();
  std::string text = TRY(read_standard_input());
  if (text.ends_with('\n')) text.pop_back();
  return text;
}

InputLine read_line() {
  InputLine line;
  bool is_too_long = false;
  for (;;) {
    errno = 0;
    int c = getc(stdin);
    if (c == EOF) {
      if (errno == EINTR) {
        clearerr(stdin);
        line.state = InputLine::State::interrupted;
        return line;
      }
      line.state = is_too_long         ? InputLine::State::too_long
                   : line.text.empty() ? InputLine::State::end
                                       : InputLine::State::line;
      return line;
    }
    if (c == '\n') break;
    if (line.text.size() < kLineBytesMax)
      line.text += char(c);
    else
      is_too_long = true;
  }
  if (!line.text.empty() && line.text.back() == '\r') line.text.pop_back();
  line.state = is_too_long ? InputLine::State::too_long : InputLine::State::line;
  return line;
}

}  // namespace weir
