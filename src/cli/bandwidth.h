// How fast this machine reads memory and weights: what decoding is bound by. All figures are the
// best of many short probes, so that a moment in which other programs run does not decide.
#pragma once
#include "base/thread_pool.h"
#include "kernels/kernels.h"

namespace weir {

// Bytes per second that the threads of the pool together read from memory: plain loads from a
// buffer in huge pages, where the system has them. The buffer is twice as large as the last-level
// caches, at least 96 MiB and at most 1 GiB or an eighth of the available memory.
double memory_bandwidth(ThreadPool& pool);
// Bytes of weights of `type` per second that all threads together multiply with one row, as when a
// reply is generated: bound by memory or by arithmetic.
double decoding_rate(ThreadPool& pool, WeightType type);

}  // namespace weir
