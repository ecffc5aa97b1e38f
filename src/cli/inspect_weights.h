// What `weir inspect` says about weights: as files have them, or as a type would store them.
#pragma once
#include <cstdint>
#include <string>

#include "checkpoint/size_check.h"
#include "convert/mix.h"
#include "tensor/cache_layout.h"

namespace weir {

// Of a GGUF file that `weir quantize` would write.
Result<WeightCheck> planned_weights(const ModelConfig& config, const Mix& mix);

// The memory that running them takes.
struct RunningQuestion {
  std::string name;
  int64_t context = 0;
  CacheType cache_type = CacheType::f32;
  double free_bytes = 0;  // 0: unknown
};
std::string weights_report(const ModelConfig& config, const WeightCheck& weights,
                           const RunningQuestion& question);
Json weights_json(const ModelConfig& config, const WeightCheck& weights,
                  const RunningQuestion& question);

}  // namespace weir
