// `weir inspect`: what a model is and what it takes, from a name, a config.json or a folder.
#pragma once
#include <cstdint>
#include <string>

#include "base/result.h"

namespace weir {

struct InspectOptions {
  std::string target;     // a preset's name, a config.json, a folder, a .gguf or .safetensors file
  std::string type = {};  // plan a GGUF file of this type instead of the weights there are
  int64_t context = 0;    // tokens in the cache; 0: 4096, or all positions of a shorter model
  int64_t tokens = 4096;  // rows of one training micro-batch
  bool json = false;      // one JSON object instead of text
  bool config = false;    // only the configuration, as config.json
  bool tensors = false;   // list every tensor of the files, or of the configuration
  bool details = false;   // parameters, cache and memory part by part, after the five lines
};

// Prints to stdout. Weights that do not match their configuration, or whose file was cut, are an
// error, after the report.
Result<void> inspect(const InspectOptions& options);

}  // namespace weir
