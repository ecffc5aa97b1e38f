// The page of a report: report.html, filled with one JSON. This folder's C++ gathers numbers and
// texts; how they look is report.html's.
#pragma once
#include <initializer_list>
#include <string>
#include <string_view>
#include <utility>

#include "base/json.h"

namespace weir {

extern const std::string_view kReportPage;  // report.html, embedded by the build

// The whole page. The page's script draws `report`, whose members docs/r1-report.md lists. Title,
// conclusion, numbers, stage table and facts are written as HTML too, for readers without scripts.
std::string page_html(const Json& report);

// Text that a model or a person wrote, as the page may hold it: valid UTF-8; control characters and
// marks that turn the direction of writing become U+FFFD. A string, or {"text", "more": "2.1 MiB"}
// when it was longer than `bytes_max`.
Json shown_text(std::string_view text, size_t bytes_max);
// The same for names and titles, which are short and never empty.
std::string clean_name(std::string_view text, size_t bytes_max = 120);

Json json_object(std::initializer_list<std::pair<const char*, Json>> members);

}  // namespace weir
