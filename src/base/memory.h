// The memory of this machine.
#pragma once

namespace weir {

// Bytes that this process may still use: what the system calls available, less where a control
// group or the address space limit allows less. 0: unknown.
double available_memory();

// Bytes that this process has in memory; 0: unknown.
struct MemoryUse {
  double peak = 0;       // the most since it began, mapped files counted (VmHWM)
  double resident = 0;   // now (VmRSS)
  double anonymous = 0;  // of it what no file backs (RssAnon): its own memory
};
MemoryUse memory_use();

}  // namespace weir
