#include "client/event_stream.h"

#include <algorithm>
#include <utility>

namespace weir {
namespace {

constexpr size_t kEventBytesMax = size_t(16) << 20;

}  // namespace

void EventStream::take_line(std::string_view line) {
  if (is_first_line_ && line.starts_with("\xef\xbb\xbf")) line.remove_prefix(3);
  is_first_line_ = false;
  if (!line.starts_with("data")) return;
  line.remove_prefix(4);
  if (!line.empty() && line[0] != ':') return;
  if (!line.empty()) line.remove_prefix(1);
  if (line.starts_with(' ')) line.remove_prefix(1);
  if (has_data_) data_ += '\n';
  has_data_ = true;
  data_ += line;
}

Result<bool> EventStream::push(std::string_view bytes, const Receiver& receiver) {
  while (!bytes.empty()) {
    if (was_cr_ && bytes[0] == '\n') bytes.remove_prefix(1);
    was_cr_ = false;
    const size_t end = std::min(bytes.find_first_of("\r\n"), bytes.size());
    line_ += bytes.substr(0, end);
    if (line_.size() + data_.size() > kEventBytesMax)
      return Error{"an event of the stream is larger than 16 MiB"};
    if (end == bytes.size()) break;
    was_cr_ = bytes[end] == '\r';
    bytes.remove_prefix(end + 1);
    const std::string line = std::exchange(line_, {});
    if (!line.empty()) {
      take_line(line);
      continue;
    }
    if (!has_data_) continue;
    has_data_ = false;
    if (!receiver(std::exchange(data_, {}))) return false;
  }
  return true;
}

}  // namespace weir
