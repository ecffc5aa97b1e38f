#include "live/live_screen.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/div_up.h"
#include "text/terminal_text.h"

namespace weir {

std::string LiveScreen::back_to_start(int columns) const {
  if (widths_.empty()) return "";
  int up = -1;
  for (int width : widths_) up += columns > 0 ? std::max(1, div_up(width, columns)) : 1;
  return up > 0 ? fmt::format("\r\033[{}A", up) : "\r";
}

std::string LiveScreen::draw(const std::vector<std::string>& lines, int columns) {
  if (lines.empty()) return erase(columns);
  // Lines are overwritten and only their rest is erased, so that nothing flickers.
  std::string bytes = back_to_start(columns);
  widths_.clear();
  for (const std::string& line : lines) {
    if (!widths_.empty()) bytes += "\n";
    bytes += line + "\033[K";
    widths_.push_back(columns_of(line));
  }
  return bytes + "\033[J";
}

std::string LiveScreen::erase(int columns) {
  if (widths_.empty()) return "";
  const std::string bytes = back_to_start(columns) + "\033[J";
  widths_.clear();
  return bytes;
}

}  // namespace weir
