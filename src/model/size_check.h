// Whether a folder's weights are the ones that its configuration describes: names and shapes,
// without reading a number.
#pragma once
#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "formats/safetensors.h"
#include "model/config.h"

namespace weir {

struct WeightCheck {
  size_t tensors = 0;
  uint64_t bytes = 0;
  std::map<std::string, size_t> dtypes;  // name -> tensors
  size_t missing = 0, misshapen = 0, unexpected = 0;
  std::vector<std::string> examples;  // a sentence for each of the first few problems
  bool matches() const { return missing + misshapen + unexpected == 0; }
};
WeightCheck check_weights(const ModelConfig& config, const SafetensorsFolder& folder);

}  // namespace weir
