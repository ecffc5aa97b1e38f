#include "stages/policy_objective.h"

#include <algorithm>
#include <cmath>
#include <numeric>

namespace weir {

PolicyObjective::PolicyObjective(const Options& options, const std::vector<PolicyToken>& tokens,
                                 std::vector<ReplyRatio> replies, std::span<const int> rows)
    : options_(options), tokens_(tokens), replies_(std::move(replies)), order_(tokens.size()) {
  CHECK(rows.empty() || rows.size() == tokens.size());
  const auto row_of = [&](size_t token) { return rows.empty() ? token : size_t(rows[token]); };
  for (size_t t = 0; t < tokens.size(); ++t) {
    if (row_of(t) >= ends_.size()) ends_.resize(row_of(t) + 1);
    ++ends_[row_of(t)];
  }
  std::partial_sum(ends_.begin(), ends_.end(), ends_.begin());
  std::vector<int> free(ends_);
  for (size_t t = tokens.size(); t-- > 0;) order_[size_t(--free[row_of(t)])] = int(t);
}

double PolicyObjective::evaluate(int, float log_probability, float& slope) {
  CHECK(next_ < ends_.size());
  const int begin = next_ == 0 ? 0 : ends_[next_ - 1], end = ends_[next_];
  ++next_;
  double loss = 0;
  slope = 0;
  for (int i = begin; i < end; ++i) {
    float own = 0;
    loss += evaluate_token(tokens_[size_t(order_[size_t(i)])], log_probability, own);
    slope += own;
  }
  return loss;
}

double PolicyObjective::evaluate_token(const PolicyToken& token, float log_probability,
                                       float& slope) {
  const ReplyRatio* reply = token.reply >= 0 ? &replies_[size_t(token.reply)] : nullptr;
  const float old = options_.is_first_update ? log_probability : token.old_log_probability;
  const double difference = double(log_probability) - double(old);
  const double ratio = reply ? reply->ratio : std::exp(difference);
  double weight = token.weight;
  if (options_.is_rounded) {
    const double drawn = token.rollout_log_probability;
    weight *= ratio_weight(old, drawn, options_.ratio_cap);
    sums_.rollout.add(old, drawn, options_.ratio_cap);
  }
  SurrogateValue value;
  if (token.is_kept)
    value = surrogate(options_.shape(), ratio, token.advantage, double(log_probability));
  double loss = value.loss, derivative = value.by_log_probability;
  // Through the reply's ratio a token moves the loss of all kept tokens of the reply.
  double through_reply = 0;
  if (reply)
    through_reply =
        surrogate(options_.shape(), ratio, token.advantage, 0).by_log_ratio * reply->policy_weight;
  else
    derivative += value.by_log_ratio;
  if (options_.kl_weight > 0) {
    const double log_q = double(token.reference_log_probability) - double(log_probability);
    const double q = std::exp(log_q), k3 = q - log_q - 1;
    // d k3 / d log p = 1 - q; d r / d log p = r.
    const double factor = options_.kl_unbiased ? ratio : 1;
    loss += options_.kl_weight * factor * k3;
    derivative += options_.kl_weight * factor * (1 - q);
    if (options_.kl_unbiased && reply) through_reply += options_.kl_weight * ratio * reply->kl;
    if (options_.kl_unbiased && !reply) derivative += options_.kl_weight * factor * k3;
    sums_.kl += k3;
  }
  sums_.tokens += 1;
  sums_.clipped += value.is_clipped;
  sums_.max_difference = std::max(sums_.max_difference, std::abs(difference));
  slope = float(weight * derivative);
  if (reply) slope = float(weight * derivative + through_reply / double(reply->tokens));
  return weight * loss;
}

}  // namespace weir
