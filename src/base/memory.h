// The memory of this machine.
#pragma once

namespace weir {

// Bytes that this process may still use: what the system calls available, less where a control
// group or the address space limit allows less. 0: unknown.
double available_memory();

}  // namespace weir
