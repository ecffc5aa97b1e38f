// Standard input with limits: all of it, or line by line.
#pragma once
#include <optional>
#include <string>

#include "base/result.h"

namespace weir {

constexpr size_t kInputBytesMax = size_t(64) << 20;
constexpr size_t kLineBytesMax = size_t(1) << 20;

// Everything until the end, as training reads text: binary input is refused, CRLF becomes LF.
Result<std::string> read_standard_input();
// A text file of at most kInputBytesMax, by the same rules; "-": standard input.
Result<std::string> read_text_input(const std::string& path);
// Text that is piped to a command, without the last line's end; "" when standard input is a
// terminal or closed, or holds nothing.
Result<std::string> read_piped_text();

struct InputLine {
  enum class State { line, end, interrupted, too_long } state = State::end;
  std::string text;  // without the end of the line
};
// `interrupted` when a signal handler ran while waiting.
InputLine read_line();

}  // namespace weir
