#include "stages/reply_masks.h"

#include <algorithm>
#include <cmath>

namespace weir {

bool is_off_policy(std::span<const PolicyToken> tokens, std::span<const float> now, bool is_rounded,
                   double threshold) {
  if (tokens.empty() || tokens.front().advantage >= 0) return false;
  double sum = 0;
  for (size_t t = 0; t < tokens.size(); ++t)
    sum += double(is_rounded ? tokens[t].rollout_log_probability : tokens[t].old_log_probability) -
           double(now[t]);
  return sum / double(tokens.size()) > threshold;
}

float entropy_threshold(std::span<float> entropies, double share) {
  const double place = (1 - share) * double(entropies.size() - 1);
  const size_t below = size_t(place);
  std::ranges::nth_element(entropies, entropies.begin() + ptrdiff_t(below));
  const float low = entropies[below];
  if (below + 1 == entropies.size()) return low;
  const float high = *std::min_element(entropies.begin() + ptrdiff_t(below) + 1, entropies.end());
  return low + float(place - double(below)) * (high - low);
}

ReplyRatio reply_ratio(std::span<const PolicyToken> tokens, std::span<const float> now,
                       const PolicyObjective::Options& options) {
  ReplyRatio reply;
  reply.tokens = int64_t(std::max<size_t>(tokens.size(), 1));
  double differences = 0;
  for (size_t t = 0; t < tokens.size(); ++t) {
    const PolicyToken& token = tokens[t];
    const double log_p = now.empty() ? token.old_log_probability : now[t];
    const double old = options.is_first_update ? log_p : double(token.old_log_probability);
    double weight = token.weight;
    if (options.is_rounded)
      weight *= ratio_weight(old, token.rollout_log_probability, options.ratio_cap);
    const double log_q = double(token.reference_log_probability) - log_p;
    differences += log_p - old;
    reply.policy_weight += token.is_kept ? weight : 0;
    if (options.kl_weight > 0) reply.kl += weight * (std::exp(log_q) - log_q - 1);
  }
  reply.ratio = std::exp(differences / double(reply.tokens));
  return reply;
}

std::vector<ReplyRatio> weigh_replies(std::span<PolicyToken> tokens,
                                      std::span<const ReplyFacts> replies, const ReplyRules& rules,
                                      const PolicyObjective::Options& options, MaskCounts& counts) {
  std::vector<ReplyRatio> ratios;
  for (const ReplyFacts& facts : replies) {
    const std::span<PolicyToken> own = tokens.first(facts.tokens);
    tokens = tokens.subspan(facts.tokens);
    if (rules.off_policy_mask > 0 && !facts.logs.empty() &&
        is_off_policy(own, facts.logs, options.is_rounded, rules.off_policy_mask)) {
      for (PolicyToken& token : own) token.is_kept = false;
      ++counts.replies;
    }
    for (size_t t = 0; rules.least_entropy && t < own.size(); ++t)
      if (facts.entropies[t] < *rules.least_entropy) {
        own[t].is_kept = false;
        ++counts.tokens;
      }
    if (!rules.has_one_ratio) continue;
    ratios.push_back(reply_ratio(own, facts.logs, options));
    for (PolicyToken& token : own) token.reply = int(ratios.size()) - 1;
  }
  return ratios;
}

}  // namespace weir
