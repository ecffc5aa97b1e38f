// The arithmetic of a model's size before anything is allocated: the memory that inference and
// training take. Parameter counts and cache elements are declared in config.h.
#pragma once
#include <cstdint>
#include <string>
#include <vector>

#include "config/config.h"
#include "config/tensors.h"

namespace weir {

// Equal layers in a row, for tables.
struct LayerGroup {
  const char* kind;  // "dense", "experts", "multi-token prediction"
  int first, count;
};
std::vector<LayerGroup> layer_groups(const ModelConfig& config);

// Shares of the cache saved: against plain multi-head attention with the model's own heads; against
// DeepSeek-67B (95 layers, 8 key/value heads of 128) number for number; and against it in bf16 with
// this model's numbers in 6 bits, which is how DeepSeek-V2's paper arrives at 93.3 %.
struct CacheSavings {
  double own_heads = 0, dense = 0, dense_six_bits = 0;
  int64_t dense_elements = 0;
};
CacheSavings cache_savings(const ModelConfig& config);

// Bytes. Panels are the copy of every matrix that the kernels walk: as large as the matrix.
struct InferenceMemory {
  double weights = 0, panels = 0, cache = 0;
  double total() const { return weights + panels + cache; }
};
// `weight_bytes` per number: 4 (f32) or 2 (bf16). The cache holds `context` tokens in f32, latent
// or expanded (MLA only; plain attention has one form).
InferenceMemory inference_memory(const ModelConfig& config, int weight_bytes, int64_t context,
                                 bool latent_cache);

// Training in f32 with AdamW: weights, gradients, two moments, panels for the forward and the
// backward product, and the activations of `tokens` rows.
struct TrainingMemory {
  double weights = 0, gradients = 0, moments = 0, panels = 0, activations = 0;
  double total() const { return weights + gradients + moments + panels + activations; }
};
TrainingMemory training_memory(const ModelConfig& config, int64_t tokens, bool recompute);

// Numbers that one token leaves in the arena until its backward pass: outputs of the operations and
// their gradients (an addition to the residual stream shares the gradient), over all layers. With
// recomputation a block keeps its output only, and one block at a time is whole. Left out: scratch
// inside one operation, which is freed at its end.
int64_t activations_per_token(const ModelConfig& config, bool recompute);
// What sparse attention adds to it where a token sees `seen` others: the tokens it chose, of all
// layers or, with recomputation, of one.
int64_t choices_per_token(const ModelConfig& config, int64_t seen, bool recompute);

}  // namespace weir
