// Time that passes, and the processor time of this process.
#pragma once
#include <cstdint>

namespace weir {

int64_t monotonic_ns();
double process_cpu_seconds();  // of all threads, since the process began

}  // namespace weir
