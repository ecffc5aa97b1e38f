// What `weir inspect` says about a configuration, as text for people and as JSON for programs.
#pragma once
#include <cstdint>
#include <string>

#include "config/config.h"

namespace weir {

struct SizeQuestion {
  std::string name;       // what the configuration was found under
  int64_t context = 0;    // tokens in the cache
  int64_t tokens = 0;     // rows of one training micro-batch
  double free_bytes = 0;  // memory that this machine can give; 0: unknown
  bool shapes = true;     // list the tensors and their shapes
  // Memory to generate as if weights were f32 and bf16; false where files say what they are.
  bool generates = true;
};

std::string size_report(const ModelConfig& config, const SizeQuestion& question);
Json size_json(const ModelConfig& config, const SizeQuestion& question);

}  // namespace weir
