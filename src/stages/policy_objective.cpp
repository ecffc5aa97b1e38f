#include "stages/policy_objective.h"

#include <algorithm>
#include <cmath>

namespace weir {

double PolicyObjective::evaluate(int, float log_probability, float& slope) {
  CHECK(next_ < tokens_.size());
  const PolicyToken& token = tokens_[next_++];
  const float old = options_.is_first_update ? log_probability : token.old_log_probability;
  const double difference = double(log_probability) - double(old);
  const double ratio = std::exp(difference), advantage = token.advantage;
  const double clipped = std::clamp(ratio, 1 - options_.clip_low, 1 + options_.clip_high);
  const bool is_clipped = clipped * advantage < ratio * advantage;
  double loss = -(is_clipped ? clipped : ratio) * advantage;
  double derivative = is_clipped ? 0 : -ratio * advantage;
  if (options_.kl_weight > 0) {
    const double log_q = double(token.reference_log_probability) - double(log_probability);
    const double q = std::exp(log_q), k3 = q - log_q - 1;
    // d k3 / d log p = 1 - q; d r / d log p = r.
    const double factor = options_.kl_unbiased ? ratio : 1;
    loss += options_.kl_weight * factor * k3;
    derivative += options_.kl_weight * factor * (1 - q + (options_.kl_unbiased ? k3 : 0));
    sums_.kl += k3;
  }
  double weight = token.weight;
  if (options_.is_rounded) {
    const double drawn = token.rollout_log_probability;
    weight *= ratio_weight(old, drawn, options_.ratio_cap);
    sums_.rollout.add(old, drawn, options_.ratio_cap);
  }
  sums_.tokens += 1;
  sums_.clipped += is_clipped;
  sums_.max_difference = std::max(sums_.max_difference, std::abs(difference));
  slope = float(weight * derivative);
  return weight * loss;
}

}  // namespace weir
