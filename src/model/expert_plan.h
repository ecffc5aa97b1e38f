// How the memory is divided when experts are read on demand; `weir inspect` predicts with it.
#pragma once

namespace weir {

// Weights that take more of the available memory are not left to the page cache.
constexpr double kMappedShareMax = 0.9;
// For the KV cache and the activations.
constexpr double kExpertReserve = 0.15;

// Bytes for experts beside `resident` bytes that every token reads; negative: they do not fit.
inline double expert_memory_bytes(double available, double resident) {
  return (1 - kExpertReserve) * available - resident;
}

}  // namespace weir
