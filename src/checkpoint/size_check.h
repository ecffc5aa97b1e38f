// Whether the weights of a folder or GGUF file are the ones that its configuration describes: names
// and shapes, without reading a number; and how many bytes they are.
#pragma once
#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "checkpoint/checkpoint.h"

namespace weir {

struct WeightCheck {
  size_t tensors = 0;
  uint64_t bytes = 0;
  // Read for one token: everything but the embedding's table and the experts that are not chosen.
  double bytes_per_token = 0;
  uint64_t joined_bytes = 0;  // of tensors that are put together in memory (checkpoint.h)
  std::map<std::string, size_t> dtypes;  // name -> tensors
  size_t missing = 0, misshapen = 0, unexpected = 0;
  std::vector<std::string> examples;  // a sentence for each of the first few problems
  bool matches() const { return missing + misshapen + unexpected == 0; }
};
WeightCheck check_weights(const Checkpoint& checkpoint);

// The share of a tensor's bytes that one token reads, by its name in a folder or a GGUF file: 0 of
// the embedding unless it is the head too, and of MTP modules; the chosen experts' part of experts.
double share_per_token(const ModelConfig& config, const std::string& name);

}  // namespace weir
