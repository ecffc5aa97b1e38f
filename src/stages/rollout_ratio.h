// Replies drawn by another policy than the one that learns (weights rounded for speed): how far the
// two are apart, and the weight that corrects for it.
//
// A mean over tokens drawn from q becomes one over tokens drawn from p when each token has the
// weight p / q (importance sampling). Truncated at C it is biased a little and its variance is
// bounded (Ionides 2008). Per token, with p the training policy before the step's first update, as
// verl
// ("decoupled" mode with token-level weights, docs/algo/rollout_corr.md: rollout_is: token,
// threshold 2.0) and TRL (GRPOConfig.vllm_importance_sampling_correction, token_truncate) do:
//   weight = min(p / q, C).
#pragma once
#include <cstdint>

#include "base/json.h"

namespace weir {

// `cap`: C; 0: no correction, 1. Logarithms of p and q.
double ratio_weight(double log_p, double log_q, double cap);

// p against q over drawn tokens.
struct RolloutRatio {
  int64_t tokens = 0, truncated = 0;  // truncated: p / q was above the cap
  double largest = 0, absolute = 0;   // of |log p - log q|: the largest, the sum
  double kl = 0;  // sum of r - log r - 1, r = p / q: unbiased for KL(q | p) (Schulman 2020, k3)

  void add(double log_p, double log_q, double cap);
  void add(const RolloutRatio& other);
  // rollout_kl, rollout_difference (means) and ratio_truncated (a share).
  void describe(Json& metrics) const;
};

}  // namespace weir
