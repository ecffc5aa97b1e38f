// One process of a sandbox: what sandbox.cpp and sandbox_run.cpp share.
#pragma once
#include <string>
#include <string_view>
#include <vector>

#include "verify/sandbox.h"

namespace weir {

// Open files of the child besides the standard three: the program's bytes, and bubblewrap's
// reports.
constexpr int kProgramFd = 3, kStatusFd = 4;

// A file in memory with these bytes, closed on exec; -1 with errno.
int memory_file(std::string_view bytes);

// Starts `command` in a session of its own with `input` and `program` as above, and waits for its
// end. `program` is a memory_file().
SandboxRun run_command(const std::vector<std::string>& command, int program, std::string_view input,
                       const SandboxLimits& limits);

}  // namespace weir
