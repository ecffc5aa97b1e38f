// Files and folders that are being written stand beside their target, as TARGET.writing-PID or
// TARGET.writing-PID-K, until they are whole. A killed process leaves them; the next one that
// writes the same target, or resumes the same run, removes them.
#pragma once
#include <string>
#include <string_view>

#include "base/result.h"

namespace weir {

// TARGET.writing-PID of this process.
std::string aside_name(const std::string& target);
// Whether `name` ends like an aside of a process that is gone. One of this process counts as such
// only with `is_own_stale`: before it has written anything there, its number was another's.
bool is_stale_aside(std::string_view name, bool is_own_stale);

// Removes the asides of dead processes anywhere below `folder`, which no other process may be
// writing under this process's number: call it when a locked run folder is opened. Symbolic links
// are not followed. A folder that does not exist holds none.
Result<void> remove_stale_asides(const std::string& folder);
// Those of one target, beside it.
Result<void> remove_stale_asides_of(const std::string& target);

}  // namespace weir
