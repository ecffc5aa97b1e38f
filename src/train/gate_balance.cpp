#include "train/gate_balance.h"

namespace weir {

std::vector<std::vector<double>> expert_shares(const Model& model) {
  std::vector<std::vector<double>> shares;
  for (const Model::GateState& gate : model.gates()) {
    int64_t total = 0;
    for (int64_t n : *gate.load) total += n;
    std::vector<double>& row = shares.emplace_back();
    for (int64_t n : *gate.load) row.push_back(total > 0 ? double(n) / double(total) : 0);
  }
  return shares;
}

void move_gate_bias(float* bias, const std::vector<int64_t>& load, float speed) {
  int64_t total = 0;
  for (int64_t n : load) total += n;
  for (size_t i = 0; i < load.size(); ++i) {
    const int64_t scaled = load[i] * int64_t(load.size());
    if (scaled < total) bias[i] += speed;
    if (scaled > total) bias[i] -= speed;
  }
}

void move_gate_biases(Model& model, float speed) {
  if (speed <= 0) return;
  for (const Model::GateState& gate : model.gates()) {
    if (!gate.bias) continue;
    move_gate_bias(gate.bias->f32(), *gate.load, speed);
  }
}

}  // namespace weir
