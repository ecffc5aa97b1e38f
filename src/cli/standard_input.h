// Standard input with limits: all of it, or line by line.
#pragma once
#include <optional>
#include <string>

#include "base/result.h"

namespace weir {

constexpr size_t kInputBytesMax = size_t(64) << 20;
constexpr size_t kLineBytesMax = size_t(1) << 20;

// Everything until the end.
Result<std::string> read_standard_input();

struct InputLine {
  enum class State { line, end, interrupted, too_long } state = State::end;
  std::string text;  // without the end of the line
};
// `interrupted` when a signal handler ran while waiting.
InputLine read_line();

}  // namespace weir
