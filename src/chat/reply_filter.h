// A filter before text leaves: a guard reads every reply first.
#pragma once
#include <optional>
#include <string>
#include <string_view>

namespace weir {

class ReplyFilter {
 public:
  virtual ~ReplyFilter() = default;
  // `text`, often empty, is the next part of the reply; `is_last`: none follows. Returns the text
  // that may leave now, what earlier calls held back first. Nothing: the reply ends here (reason
  // filtered), and what is held back never leaves.
  virtual std::optional<std::string> pass(std::string_view text, bool is_last) = 0;
};

}  // namespace weir
