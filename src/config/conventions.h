// What published code does without a key in config.json.
#pragma once
#include "config/config.h"

namespace weir {

// The norms of the latents are built without the config's epsilon in DeepSeek's own code, so it is
// this one whatever rms_norm_eps says (it matters for Moonlight, whose other norms use 1e-5).
constexpr double kLatentEpsilon = 1e-6;

// Whether the weights of a token's experts are divided by their sum. DeepSeek's own code leaves the
// weight of a single expert as it is; Qwen's makes it 1.
bool normalizes_gate(const ModelConfig& config);

}  // namespace weir
