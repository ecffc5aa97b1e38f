// A model's configuration in the metadata of a GGUF file, both ways.
#pragma once
#include "config/config.h"
#include "formats/gguf.h"

namespace weir {

// Values of expert_gating_func.
constexpr int64_t kSoftmaxGate = 1, kSigmoidGate = 2, kSqrtSoftplusGate = 4;

struct GgufConfig {
  ModelConfig config;
  bool rope_rows_permuted = false;  // checkpoint.h
};
// Architectures llama, qwen2, qwen3, qwen3moe, deepseek, deepseek2, deepseek32, deepseek2-ocr,
// glm-dsa, mistral4, minicpm3. The keys become
// those of a config.json and are checked as such. What older files leave out is filled in: groups
// of experts of the published models, YaRN's multiplier, tied embeddings from the tensors there
// are.
Result<GgufConfig> read_gguf_config(const GgufFile& file);

// general.architecture and the architecture's keys, as llama.cpp expects them; nothing of the
// tokenizer. Fails for what that architecture cannot say.
Result<void> write_gguf_config(const ModelConfig& config, GgufMetadata& metadata);
// Whether files of its architecture have the rows of q and k in another order (checkpoint.h).
bool permutes_gguf_rows(const ModelConfig& config);
// Whether such files have keys and values as many as heads, and kv_b as it is (minicpm3): those of
// all other latent attention are one head's, absorbed.
bool is_unabsorbed_gguf(const ModelConfig& config);
// Factors that divide the frequencies (f32, one of each pair): tensor rope_freqs.weight under Llama
// 3's scaling, rope_factors_short.weight and rope_factors_long.weight under LongRoPE; else empty.
std::vector<float> gguf_rope_factors(const ModelConfig& config);

}  // namespace weir
