// Whether a training run fits into this machine's memory, asked before anything is allocated.
#pragma once
#include "base/memory.h"
#include "base/result.h"
#include "config/size.h"

namespace weir {

// An error with the numbers when `plan` needs more than `available`.
Result<void> check_memory(const TrainingMemory& plan, double available);

}  // namespace weir
