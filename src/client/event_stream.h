// The lines of a stream, and the data of server-sent events among them.
#pragma once
#include <functional>
#include <string>
#include <string_view>

#include "base/result.h"

namespace weir {

// text/event-stream of the HTML standard, 9.2.6: lines end with LF, CR LF or CR, a blank line ends
// an event, lines that begin with a colon are comments. Names, ids and times are ignored.
class EventStream {
 public:
  // Takes the data of an event; false ends the reading.
  using Receiver = std::function<bool(const std::string& data)>;

  // False when the receiver ended it. Fails for an event of more than 16 MiB.
  Result<bool> push(std::string_view bytes, const Receiver& receiver);

 private:
  void take_line(std::string_view line);

  std::string line_, data_;
  bool has_data_ = false, was_cr_ = false, is_first_line_ = true;
};

}  // namespace weir
