// The cores of this machine that this process may use: which are threads of one core, which are
// slow ones, to which socket and memory node they belong. Read from /sys and /proc; what a system
// does not say counts as "all cores alike".
#pragma once
#include <cstddef>
#include <limits>
#include <string>
#include <vector>

namespace weir {

// A logical processor. SMT siblings have the same `core`.
struct Cpu {
  int id = 0;
  int core = 0;  // the lowest logical processor of its physical core
  int package = 0;
  int node = 0;  // of memory
  bool is_fast = true;
};

struct Topology {
  std::vector<Cpu> cpus;  // that this process may run on, by id; never empty
  // Cores' worth of time that its control groups (v1 and v2) give it; infinity: no limit.
  double quota = std::numeric_limits<double>::infinity();
  size_t cache_bytes = 0;  // of all last-level caches that these processors use; 0: unknown

  int packages() const;
  int nodes() const;
  int cores() const;       // physical ones
  int fast_cores() const;  // physical ones
};

// `root` is put before /sys and /proc. `allowed` are the processors that count; empty: those of
// this process's affinity mask.
//
// Slow cores are those that Intel's hybrid processors list as cpu_atom, and those with less than
// half of the largest cpu_capacity (Linux, Documentation/scheduler/sched-capacity.rst); a process
// that has only slow ones has fast ones, since they are all alike.
Topology read_topology(const std::string& root = "", std::vector<int> allowed = {});

// Threads that a pool has unless told otherwise: one for each fast physical core, at most the
// quota (rounded up). Siblings of one core share its multipliers and its path to memory, so a
// second thread there adds little to products, and a slow core's last index is what all others wait
// for. A process that has a single physical core takes its siblings too: then no other core is kept
// waiting, and many virtual machines call their cores siblings.
int default_threads(const Topology& topology);

// The processors in the order in which pinned threads take them: fast cores first, one thread a
// core, node by node; then their siblings, then slow cores.
std::vector<int> pinning_order(const Topology& topology);

}  // namespace weir
