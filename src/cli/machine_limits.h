// What this machine allows, whatever program runs: reading memory, multiplying, waiting for
// threads. `weir bench --limits` prints it alone; `weir bench MODEL` shows its speeds as shares of
// it.
#pragma once
#include <optional>
#include <string>
#include <vector>

#include "base/json.h"
#include "base/result.h"
#include "base/thread_pool.h"
#include "base/topology.h"
#include "cli/disk_rate.h"
#include "kernels/peak/peak.h"

namespace weir {

// Operations per second (multiplications and additions apart) of `loop` on all threads of the pool;
// the best of several short runs.
double peak_rate(const PeakLoop& loop, ThreadPool& pool);

struct Peak {
  std::string name;  // "": the processor has no such instructions
  double rate = 0;
};
// The highest rates, of integers and of f32 or bf16, over all loops.
struct Peaks {
  Peak integer, floats;
};
Peaks highest_peaks(ThreadPool& pool);

// Seconds from the start of a job of one index for each thread, all of which meet, to its end: the
// median. `gap`: seconds that the caller works alone before each job.
double barrier_seconds(ThreadPool& pool, double gap);

struct LimitsOptions {
  int threads = 0;
  std::string file;  // of the disk to measure; "": none
};
// Prints a table, and as the last line one JSON object (docs/bench.md has the fields).
Result<void> bench_limits(const LimitsOptions& options);

}  // namespace weir
