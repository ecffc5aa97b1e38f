#include "documents/sheet_cells.h"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <cmath>

#include "base/text.h"

namespace weir {
namespace {

bool is_blank_row(const std::vector<std::string>& row) {
  return std::ranges::all_of(row, [](const std::string& cell) { return trim(cell).empty(); });
}

size_t cells_with_text(const std::vector<std::string>& row) {
  return size_t(
      std::ranges::count_if(row, [](const std::string& cell) { return !trim(cell).empty(); }));
}

std::string date_text(double value, const CellFormat& format, bool epoch_1904) {
  using namespace std::chrono;
  // 1900 is a leap year in the older system, so that days before March 1900 are one less.
  const double days = std::floor(value);
  auto seconds = int64_t(std::llround((value - days) * 86400));
  int64_t day = int64_t(days) + seconds / 86400;
  seconds %= 86400;
  const sys_days epoch = epoch_1904 ? sys_days(year(1904) / 1 / 1) : sys_days(year(1899) / 12 / 30);
  if (!epoch_1904 && day < 60) ++day;
  const year_month_day date(epoch + std::chrono::days(day));
  const std::string time = fmt::format("{:02}:{:02}", seconds / 3600, seconds / 60 % 60) +
                           (seconds % 60 ? fmt::format(":{:02}", seconds % 60) : "");
  if (!format.has_day) return time;
  const std::string text = fmt::format("{:04}-{:02}-{:02}", int(date.year()),
                                       unsigned(date.month()), unsigned(date.day()));
  return format.has_time && seconds != 0 ? text + " " + time : text;
}

void group_thousands(std::string& number) {
  const size_t begin = number.starts_with('-') ? 1 : 0;
  size_t end = std::min(number.find('.'), number.size());
  while (end > begin + 3) {
    end -= 3;
    number.insert(end, ",");
  }
}

}  // namespace

CellFormat parse_cell_format(std::string_view code) {
  CellFormat format;
  std::string plain;  // of the first section, without texts, colours and conditions
  for (size_t i = 0; i < code.size() && code[i] != ';'; ++i) {
    const char c = code[i];
    if (c == '"') {
      i = std::min(code.find('"', i + 1), code.size());
    } else if (c == '[') {
      const size_t end = std::min(code.find(']', i), code.size());
      const std::string_view inside = code.substr(i + 1, end - i - 1);
      if (inside == "h" || inside == "hh" || inside == "m" || inside == "mm" || inside == "s")
        plain += inside;  // elapsed time
      i = end;
    } else if (c == '\\' || c == '_' || c == '*') {
      ++i;
    } else {
      plain += char(c >= 'A' && c <= 'Z' ? c - 'A' + 'a' : c);
    }
  }
  if (plain == "general" || plain.empty() || plain == "@") return format;
  format.has_day = plain.find_first_of("yd") != plain.npos;
  format.has_time = plain.find('h') != plain.npos || plain.find('s') != plain.npos;
  const bool has_month = plain.find('m') != plain.npos;
  const bool has_digits = plain.find_first_of("0#?") != plain.npos;
  format.is_date = format.has_day || format.has_time || (has_month && !has_digits);
  format.has_day |= format.is_date && !format.has_time;
  if (format.is_date || !has_digits) return format;
  format.is_percent = plain.find('%') != plain.npos;
  format.has_thousands = plain.find("#,#") != plain.npos || plain.find("0,0") != plain.npos;
  if (plain.find('e') != plain.npos || plain.find('/') != plain.npos) return format;
  format.decimals = 0;
  if (const size_t dot = plain.find('.'); dot != plain.npos)
    for (size_t i = dot + 1; i < plain.size() && (plain[i] == '0' || plain[i] == '#'); ++i)
      ++format.decimals;
  if (plain.find('#', std::min(plain.find('.'), plain.size())) != plain.npos) format.decimals = -1;
  format.decimals = std::min(format.decimals, 15);
  return format;
}

CellFormat built_in_cell_format(int id) {
  switch (id) {
    case 1:
      return parse_cell_format("0");
    case 2:
      return parse_cell_format("0.00");
    case 3:
    case 37:
    case 38:
      return parse_cell_format("#,##0");
    case 4:
    case 39:
    case 40:
      return parse_cell_format("#,##0.00");
    case 9:
      return parse_cell_format("0%");
    case 10:
      return parse_cell_format("0.00%");
    case 22:
      return parse_cell_format("m/d/yy h:mm");
    default:
      break;
  }
  if ((id >= 14 && id <= 17) || (id >= 27 && id <= 31) || id == 36 || (id >= 50 && id <= 58))
    return parse_cell_format("yyyy-mm-dd");
  if ((id >= 18 && id <= 21) || (id >= 32 && id <= 35) || (id >= 45 && id <= 47))
    return parse_cell_format("h:mm:ss");
  return {};
}

std::string cell_number(double value, const CellFormat& format, bool epoch_1904) {
  // The year 9999 is the last that spreadsheets know.
  if (format.is_date && value >= 0 && value < 2958466) return date_text(value, format, epoch_1904);
  if (format.is_percent) value *= 100;
  std::string text = format.decimals >= 0 && std::abs(value) < 1e15
                         ? fmt::format("{:.{}f}", value, format.decimals)
                         : fmt::format("{:.15g}", value);
  if (format.has_thousands && text.find('e') == text.npos) group_thousands(text);
  if (format.is_percent) text += '%';
  return text;
}

int column_of_reference(std::string_view reference) {
  int column = 0;
  size_t letters = 0;
  for (; letters < reference.size() && letters < 4; ++letters) {
    const char c = char(reference[letters] & ~0x20);
    if (c < 'A' || c > 'Z') break;
    column = column * 26 + (c - 'A' + 1);
  }
  return letters == 0 || letters > 3 ? -1 : column - 1;
}

void add_sheet(const std::vector<std::vector<std::string>>& rows, int rows_max,
               DocumentBuilder& document) {
  const size_t most = size_t(std::max(rows_max, 1));
  for (size_t begin = 0; begin < rows.size();) {
    if (is_blank_row(rows[begin])) {
      ++begin;
      continue;
    }
    size_t end = begin;
    while (end < rows.size() && !is_blank_row(rows[end])) ++end;
    while (begin < end && cells_with_text(rows[begin]) == 1) {
      for (const std::string& cell : rows[begin]) document.paragraph(cell);
      ++begin;
    }
    if (begin == end) continue;
    const std::vector<std::string>& head = rows[begin];
    size_t first = begin + 1;
    do {
      const size_t last = std::min(end, first + most);
      std::vector<std::vector<std::string>> part = {head};
      part.insert(part.end(), rows.begin() + std::ptrdiff_t(first),
                  rows.begin() + std::ptrdiff_t(last));
      document.table(part);
      first = last;
    } while (first < end);
    begin = end;
  }
}

}  // namespace weir
