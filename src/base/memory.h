// The memory of this machine.
#pragma once
#include <cstddef>
#include <string>

namespace weir {

constexpr double kGiB = double(size_t(1) << 30);

// Bytes that this process may still use: what the system calls available, less where a control
// group allows less, its own or one above it; at least 1. 0: unknown.
double available_memory();
// What the control groups leave to their process: `root` is where they are mounted
// (/sys/fs/cgroup), `groups` the text of /proc/PID/cgroup. Infinity: no limit.
double control_group_room(const std::string& root, const std::string& groups);

// Bytes that this process has in memory; 0: unknown.
struct MemoryUse {
  double peak = 0;       // the most since it began, mapped files counted (VmHWM)
  double resident = 0;   // now (VmRSS)
  double anonymous = 0;  // of it what no file backs (RssAnon): its own memory
};
MemoryUse memory_use();

}  // namespace weir
