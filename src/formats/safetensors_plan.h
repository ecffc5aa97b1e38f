// What a safetensors file is to hold, before its data: the checks and the header, shared by the
// writer of one file in memory and the one that streams shards.
#pragma once
#include <cstdint>
#include <map>
#include <span>
#include <string>
#include <vector>

#include "base/result.h"

namespace weir {

// A tensor whose data comes later.
struct TensorPlan {
  std::string name;
  std::string dtype;  // "F32", "BF16", "F8_E4M3" ... as in the file
  std::vector<uint64_t> shape;
};

// Bytes of each tensor, or what the reader would refuse.
Result<std::vector<uint64_t>> planned_bytes(std::span<const TensorPlan> tensors);

// The reference writer's order: by alignment of the dtype, then by name. Of plans or sources.
int dtype_rank(const std::string& dtype);
template <class T>
bool stands_before(const T& a, const T& b) {
  int left = dtype_rank(a.dtype), right = dtype_rank(b.dtype);
  return left != right ? left > right : a.name < b.name;
}

// The length, the JSON and spaces up to a multiple of 8; data in the order of `tensors`.
Result<std::string> safetensors_header(std::span<const TensorPlan> tensors,
                                       std::span<const uint64_t> bytes,
                                       const std::map<std::string, std::string>& metadata);

}  // namespace weir
