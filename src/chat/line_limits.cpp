#include "chat/line_limits.h"

#include <utility>

namespace weir {

std::string LineScanner::push(std::string_view text) {
  if (limits_.lines == 0 && limits_.indent == 0) return std::string(text);
  std::string certain;
  for (const char c : text) {
    if (found_) break;
    if (c == '\n') {
      ++lines_;
      if (limits_.lines > 0 && lines_ >= limits_.lines) {
        if (held_.ends_with('\r')) held_.pop_back();
        certain += std::exchange(held_, {});
        found_ = true;
        break;
      }
      is_blank_ = true;
      indent_ = 0;
      held_ += c;
    } else if (!is_blank_ && c == '\r') {
      held_ += c;
    } else if (is_blank_ && (c == ' ' || c == '\t' || c == '\r')) {
      ++indent_;
      held_ += c;
    } else if (is_blank_ && indent_ < limits_.indent) {
      held_.clear();
      found_ = true;
    } else {
      certain += std::exchange(held_, {});
      certain += c;
      is_blank_ = false;
    }
  }
  return certain;
}

std::string LineScanner::finish() { return found_ ? "" : std::exchange(held_, {}); }

}  // namespace weir
