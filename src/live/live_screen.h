// A few lines at the end of a terminal that are replaced in place. Gives the bytes to write; knows
// only what it drew before.
#pragma once
#include <string>
#include <vector>

namespace weir {

class LiveScreen {
 public:
  // Replaces the block. No line may be wider than columns - 1, so that none wraps; when the
  // terminal has become narrower since, the old block's lines count as often as they wrapped.
  std::string draw(const std::vector<std::string>& lines, int columns);
  // Takes the block away; the cursor is at the beginning of the line where it began.
  std::string erase(int columns);
  bool is_empty() const { return widths_.empty(); }

 private:
  std::string back_to_start(int columns) const;
  std::vector<int> widths_;  // of the lines drawn; the cursor is at the end of the last
};

}  // namespace weir
