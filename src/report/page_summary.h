// The parts of the page that are there without scripts.
#pragma once
#include <string>
#include <string_view>

#include "base/json.h"

namespace weir {

// One part of a report as HTML, "" when there is nothing to show. `part`: "title", "subtitle",
// "conclusion", "numbers", "table" or "facts".
std::string summary_html(const Json& report, std::string_view part);

// For element content and double-quoted attributes. Control characters other than newline and tab
// become visible.
std::string escape_html(std::string_view text);

}  // namespace weir
