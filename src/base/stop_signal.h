// The flag that Ctrl-C and SIGTERM set.
#pragma once

namespace weir {

// After the first SIGINT or SIGTERM stop_requested() is true and the work ends at its next safe
// point; a second signal ends the process at once. A write beyond the file size limit (SIGXFSZ)
// becomes an error of that write instead of the end of the process.
void catch_stop_signals();
bool stop_requested();

}  // namespace weir
