#include "stages/rollout_ratio.h"

#include <algorithm>
#include <cmath>

namespace weir {

double ratio_weight(double log_p, double log_q, double cap) {
  return cap > 0 ? std::min(std::exp(log_p - log_q), cap) : 1;
}

void RolloutRatio::add(double log_p, double log_q, double cap) {
  const double difference = log_p - log_q, ratio = std::exp(difference);
  ++tokens;
  truncated += cap > 0 && ratio > cap;
  largest = std::max(largest, std::abs(difference));
  absolute += std::abs(difference);
  kl += ratio - difference - 1;
}

void RolloutRatio::add(const RolloutRatio& other) {
  tokens += other.tokens;
  truncated += other.truncated;
  largest = std::max(largest, other.largest);
  absolute += other.absolute;
  kl += other.kl;
}

void RolloutRatio::describe(Json& metrics) const {
  const double count = double(std::max<int64_t>(tokens, 1));
  metrics.set("rollout_kl", kl / count);
  metrics.set("rollout_difference", absolute / count);
  metrics.set("ratio_truncated", double(truncated) / count);
}

}  // namespace weir
