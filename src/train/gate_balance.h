// Balance of experts without a loss: gate biases move against the load (Wang et al. 2024,
// arXiv:2408.15664; DeepSeek-V3, section 2.1.2).
#pragma once
#include <cstdint>
#include <vector>

#include "model/model.h"

namespace weir {

// Per gate: the share of tokens of each expert since clear_loads().
std::vector<std::vector<double>> expert_shares(const Model& model);

// bias_i += speed * sign(mean load - load_i): an expert with less than its share of tokens becomes
// easier to choose (Wang et al., algorithm 1).
void move_gate_bias(float* bias, const std::vector<int64_t>& load, float speed);
// The same for every gate of the model that has a bias, by its load since clear_loads(). Does
// nothing when `speed` is 0.
void move_gate_biases(Model& model, float speed);

}  // namespace weir
