// Models of any published shape with random weights: for trying out memory, speed and conversion
// where no real checkpoint is at hand.
#pragma once
#include "convert/convert.h"

namespace weir {

struct RandomModelRequest {
  std::string like;  // a preset, or a config.json
  std::string to;    // a .gguf file, or a folder that does not exist yet
  // For GGUF a name of mix.h; for a folder f32, f16, bf16, or f8_e4m3 with DeepSeek's scales; of V4
  // and V4.1 mxfp4 too: experts of E2M1, the rest as f8_e4m3.
  std::string type = "bf16";
  int layers = 0;  // only so many; 0: all
  uint64_t seed = 1;
  uint64_t split_bytes = 0;
  bool overwrites = false;
};

// Matrices are normal with the configuration's spread, but a tensor has only 512 different rows, in
// random order, so that writing takes as long as the disk does. The tokenizer knows bytes and
// DeepSeek's control tokens.
Result<ConvertResult> make_random(const RandomModelRequest& request, ThreadPool& pool,
                                  ConvertListener& listener);

}  // namespace weir
