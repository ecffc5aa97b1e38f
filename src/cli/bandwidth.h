// How fast this machine reads memory: what decoding is bound by.
#pragma once
#include "base/thread_pool.h"

namespace weir {

// Bytes per second that all threads together read from memory, the best of five passes over 512
// MiB: more than the caches of most machines.
double memory_bandwidth(ThreadPool& pool);

}  // namespace weir
