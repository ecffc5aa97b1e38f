// `weir bench`: how fast this machine generates with a model, beside what its memory allows.
#pragma once
#include <string>
#include <vector>

#include "base/result.h"

namespace weir {

struct BenchOptions {
  std::string model = "demo";  // a folder, or a preset's name (random weights, same speed)
  int prompt = 256;            // tokens of a prompt
  int tokens = 128;            // generated per sequence
  std::vector<int> sequences = {1, 8, 32};
  int repetitions = 3;
  std::string cache = "expanded";
  int threads = 0;
};

// A small table, and as the last line one JSON object.
Result<void> bench(const BenchOptions& options);

}  // namespace weir
