// How a mixture-of-experts gate scores, groups, chooses and weighs its experts.
#pragma once

namespace weir {

// sqrt_softplus: sqrt(log(1 + exp(logit))) (DeepSeek-V4).
enum class GateKind { softmax, sigmoid, sqrt_softplus };
// How groups of experts are ranked before the top-k: not at all, by their best score (DeepSeek-V2),
// by the sum of their two best (DeepSeek-V3).
enum class GroupKind { none, max, top2_sum };

struct GateShape {
  GateKind kind = GateKind::sigmoid;
  GroupKind group_kind = GroupKind::none;
  int experts = 0, per_token = 0;
  int index = 0;  // of the gate among the model's, the layer of a RoutingTrace
  int groups = 1, groups_kept = 1;
  bool normalize = true;     // divide the chosen scores by their sum
  float scale = 1;           // routed_scaling_factor
  float balance_weight = 0;  // alpha of the sequence-wise balance loss; 0 = none
};

}  // namespace weir
