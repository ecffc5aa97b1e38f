// Values in running text: texts, numbers and dates, however they are written.
#pragma once
#include <optional>
#include <string_view>

namespace weir {

struct TextMatch {
  size_t begin = 0, end = 0;  // bytes
};
std::optional<TextMatch> match_text(std::string_view text, std::string_view value);
std::optional<TextMatch> match_number(std::string_view text, double value);

struct CalendarDay {
  int year = 0, month = 0, day = 0;
};
// "2025-03-01"
std::optional<CalendarDay> parse_iso_day(std::string_view text);
// 2025-03-01, 01.03.2025, 3/1/25, 1 March 2025, Mar 1st, 2025, 2025年3月1日.
std::optional<TextMatch> match_day(std::string_view text, CalendarDay day);

}  // namespace weir
