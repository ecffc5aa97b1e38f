// What a drawn token is worth as a function of the ratio r between the policy that learns and the
// one that drew: the clipped ratio of PPO and two forms without its hard edge.
//   clip   -min(min(r, delta) A, clip(r, 1 - low, 1 + high) A)       PPO, eq. 7; with the dual
//          clip's bound delta (Ye et al. 2020, arXiv:1912.09729) of the ratio where A < 0
//   cispo  -stop_gradient(min(r, cap)) A log p                       MiniMax-M1, arXiv:2506.13585
//   sapo   -4 / t sigmoid(t (r - 1)) A, t by the sign of A           SAPO, arXiv:2511.20347
// As in TRL 1.16 (GRPOConfig.loss_type, delta, sapo_temperature_*; its epsilon_high is `cap` for
// cispo).
#pragma once

namespace weir {

enum class Surrogate { clip, cispo, sapo };

struct SurrogateShape {
  Surrogate form = Surrogate::clip;
  double clip_low = 0.2, clip_high = 0.28;
  double clip_delta = 0;                           // most of the ratio; 0: no bound
  double cispo_cap = 5;                            // most of the ratio as a weight
  double sapo_positive = 1, sapo_negative = 1.05;  // temperatures of A > 0 and of the others
};

struct SurrogateValue {
  double loss = 0;
  double by_log_ratio = 0;        // r d loss / d r
  double by_log_probability = 0;  // d loss / d log p beside what goes through the ratio
  bool is_clipped = false;        // a bound took the gradient, or of cispo a part of it
};

SurrogateValue surrogate(const SurrogateShape& shape, double ratio, double advantage,
                         double log_probability);

}  // namespace weir
