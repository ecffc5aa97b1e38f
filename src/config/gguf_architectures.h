// The architectures of GGUF files and the model types they are. Private to gguf_config*.cpp.
#pragma once
#include <cstdint>

namespace weir {

struct GgufArchitecture {
  const char *name, *model_type;
  bool has_experts, is_latent;
  bool permutes_rope;  // the converter reorders the rows of q and k
};
// deepseek2 is deepseek_v3 when its gate is a sigmoid.
constexpr GgufArchitecture kGgufArchitectures[] = {
    {"llama", "llama", false, false, true},
    {"qwen2", "qwen2", false, false, false},
    {"qwen3", "qwen3", false, false, false},
    {"qwen3moe", "qwen3_moe", true, false, false},
    {"deepseek", "deepseek", true, false, true},
    {"deepseek2", "deepseek_v2", true, true, false},
    {"deepseek32", "deepseek_v32", true, true, false},
};
// Values of expert_gating_func.
constexpr int64_t kSoftmaxGate = 1, kSigmoidGate = 2;

}  // namespace weir
