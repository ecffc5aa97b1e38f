// `weir convert`, `weir quantize` and `weir make-random`: models from one file into another.
#pragma once
#include <string>

#include "base/result.h"
#include "cli/ending.h"

namespace weir {

struct ConvertOptions {
  std::string from, to, type, importance;
  double split_gb = 0;  // 10^9 bytes; 0: one GGUF file, shards of 5 GB in a folder
  bool overwrites = false;
  bool lists_tensors = false;
  int threads = 0;
};
Result<Ending> convert_model(const ConvertOptions& options);

struct MakeRandomOptions {
  std::string to, like, type = "bf16";
  int layers = 0;  // 0: all
  uint64_t seed = 1;
  double split_gb = 0;
  bool overwrites = false;
  int threads = 0;
};
Result<Ending> make_random_model(const MakeRandomOptions& options);

}  // namespace weir
