// What is decided about a whole reply, or about all tokens of an update, before the gradients:
// which tokens are learned from, and the ratio that a reply's tokens share.
#pragma once
#include <span>
#include <vector>

#include "stages/policy_objective.h"

namespace weir {

// A reply that the policy would hardly draw any more teaches nothing about what to avoid: mean over
// its tokens of log q - log p, with q the policy that drew, above `threshold`, and a negative
// advantage (DeepSeek-V3.2, eq. 9; TRL's off_policy_mask_threshold). `now`: log p of the tokens.
bool is_off_policy(std::span<const PolicyToken> tokens, std::span<const float> now, bool is_rounded,
                   double threshold);

// The entropy that the `share` of tokens with the highest reach (Wang et al. 2025,
// arXiv:2506.01939; TRL's top_entropy_quantile): the quantile 1 - share, linear between neighbours.
// `entropies` is reordered; not empty.
float entropy_threshold(std::span<float> entropies, double share);

// Of a reply's tokens, all with the same advantage. `now`: log p of the tokens; empty before the
// first update of exact rollouts, when it is that of the draw.
ReplyRatio reply_ratio(std::span<const PolicyToken> tokens, std::span<const float> now,
                       const PolicyObjective::Options& options);

// One reply's tokens among those of a batch, and what the policy gives to them before the update:
// log-probabilities and entropies, empty where nobody looked.
struct ReplyFacts {
  size_t tokens = 0;
  std::span<const float> logs = {}, entropies = {};
};
struct ReplyRules {
  double off_policy_mask = 0;            // is_off_policy(); 0: off
  const float* least_entropy = nullptr;  // null: all tokens are learned from
  bool has_one_ratio = false;            // of a reply
};
struct MaskCounts {
  int64_t tokens = 0, replies = 0;  // of low entropy; off policy
};
// Marks the tokens, in order of the replies, that are not learned from; with one ratio a reply the
// ratios, which the tokens then name.
std::vector<ReplyRatio> weigh_replies(std::span<PolicyToken> tokens,
                                      std::span<const ReplyFacts> replies, const ReplyRules& rules,
                                      const PolicyObjective::Options& options, MaskCounts& counts);

}  // namespace weir
