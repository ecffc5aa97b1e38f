// Whether a training run fits into this machine's memory, asked before anything is allocated.
#pragma once
#include "base/result.h"
#include "model/size.h"

namespace weir {

// Bytes that this process may still use: what the system calls available, less where a control
// group or the address space limit allows less. 0: unknown.
double available_memory();

// An error with the numbers when `plan` needs more than `available`.
Result<void> check_memory(const TrainingMemory& plan, double available);

}  // namespace weir
