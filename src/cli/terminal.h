// What standard output can show.
#pragma once

namespace weir {

// A terminal, and nobody asked for plain text (NO_COLOR, https://no-color.org; TERM=dumb).
bool stdout_has_color();

}  // namespace weir
