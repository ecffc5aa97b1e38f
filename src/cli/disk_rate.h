// How fast a file is read past the page cache: what a model larger than memory is bound by.
#pragma once
#include <string>

#include "base/result.h"

namespace weir {

// Bytes per second.
struct DiskRate {
  double in_order = 0;   // one reader, 8 MiB at a time
  double scattered = 0;  // eight readers, 1 MiB each at places spread over the file, as experts are
  double bytes = 0;      // read for both
};

// Direct I/O (O_DIRECT) of `path` for about `seconds` each. The error of a file that is missing,
// shorter than 16 MiB, or on a file system without direct I/O says so.
Result<DiskRate> disk_rate(const std::string& path, double seconds = 1);

}  // namespace weir
