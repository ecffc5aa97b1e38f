// `weir bench --training`: the speed of a training step beside the speed of its matrix products,
// and of those beside what the kernels reach from the first-level cache.
#pragma once
#include <string>

#include "base/result.h"
#include "config/config.h"

namespace weir {

struct TrainingBench {
  int step_tokens = 4096;  // of one step
  int sequence_length = 256;
};

// Prints a small table, and as the last line one JSON object. `name`: what the model is called.
Result<void> bench_training(const std::string& name, ModelConfig config, const TrainingBench& shape,
                            int threads);

}  // namespace weir
