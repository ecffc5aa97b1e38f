#include "cli/terminal.h"

#include <cstdlib>
#include <string_view>

#include "base/progress.h"

namespace weir {

bool stdout_has_color() {
  const char* no_color = std::getenv("NO_COLOR");
  const char* terminal = std::getenv("TERM");
  if (no_color && *no_color) return false;
  if (terminal && std::string_view(terminal) == "dumb") return false;
  return stdout_is_terminal();
}

}  // namespace weir
