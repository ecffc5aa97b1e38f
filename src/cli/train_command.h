// `weir train`: a recipe in, a folder with a model out.
#pragma once
#include <string>
#include <vector>

#include "base/result.h"

namespace weir {

struct TrainOptions {
  std::string recipe;             // a YAML file
  std::vector<std::string> sets;  // "optimizer.lr=1e-3", over the file
  int threads = 0;                // 0: what the recipe says
};

// Ends well also when stopped by a signal: everything is saved, and the same command goes on.
Result<void> train(const TrainOptions& options);

}  // namespace weir
