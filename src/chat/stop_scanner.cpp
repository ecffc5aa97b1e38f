#include "chat/stop_scanner.h"

#include <algorithm>

#include "base/text.h"

namespace weir {
namespace {

constexpr size_t kStopsMax = 64, kStopBytesMax = 1024;

}  // namespace

Result<StopScanner> StopScanner::create(const std::vector<std::string>& stops) {
  if (stops.size() > kStopsMax)
    return Error{std::to_string(stops.size()) + " stop strings were given; " +
                 std::to_string(kStopsMax) + " are allowed"};
  StopScanner scanner;
  for (const std::string& text : stops) {
    if (text.empty()) return Error{"a stop string is empty; it would end every text at once"};
    if (text.size() > kStopBytesMax)
      return Error{"a stop string has " + std::to_string(text.size()) + " bytes; " +
                   std::to_string(kStopBytesMax) + " are allowed"};
    if (first_invalid_utf8(text) != std::string_view::npos)
      return Error{"a stop string is not valid UTF-8 and could never be found"};
    Pattern pattern{text, std::vector<int>(text.size(), 0), 0};
    int length = 0;
    for (size_t i = 1; i < text.size(); ++i) {
      while (length > 0 && text[i] != text[size_t(length)])
        length = pattern.fallback[size_t(length - 1)];
      if (text[i] == text[size_t(length)]) ++length;
      pattern.fallback[i] = length;
    }
    scanner.patterns_.push_back(std::move(pattern));
  }
  return scanner;
}

bool StopScanner::Pattern::push(char byte) {
  while (matched > 0 && text[size_t(matched)] != byte) matched = fallback[size_t(matched - 1)];
  if (text[size_t(matched)] == byte) ++matched;
  return size_t(matched) == text.size();
}

std::string StopScanner::push(std::string_view piece) {
  std::string shown;
  if (found()) return shown;
  for (char byte : piece) {
    pending_ += byte;
    int held = 0;
    for (size_t i = 0; i < patterns_.size(); ++i) {
      Pattern& pattern = patterns_[i];
      bool longest = !found() || pattern.text.size() > stop().size();
      if (pattern.push(byte) && longest) found_ = int(i);
      held = std::max(held, pattern.matched);
    }
    if (found()) {
      shown.append(pending_, 0, pending_.size() - stop().size());
      pending_.clear();
      return shown;
    }
    size_t certain = pending_.size() - size_t(held);
    shown.append(pending_, 0, certain);
    pending_.erase(0, certain);
  }
  return shown;
}

std::string StopScanner::finish() {
  return found() ? std::string() : std::exchange(pending_, std::string());
}

}  // namespace weir
