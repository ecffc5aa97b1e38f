// The loss of one drawn token under policy gradients with clipping and a KL penalty.
#pragma once
#include <cstdint>
#include <span>
#include <vector>

#include "ops/ops.h"
#include "stages/rollout_ratio.h"
#include "stages/surrogate.h"

namespace weir {

// What is known of one drawn token before its gradient.
struct PolicyToken {
  float old_log_probability = 0;        // before the first update from these replies
  float reference_log_probability = 0;  // under the reference model; without KL not looked at
  float advantage = 0;
  float weight = 0;  // share of the token in the loss; 0: not learned
  // When it was drawn; of rounded rollouts, else it is the old one and not looked at.
  float rollout_log_probability = 0;
  bool is_kept = true;  // false: only the KL penalty counts (reply_masks.h)
  int reply = -1;       // of the replies given to the objective; -1: the ratio is the token's own
};

// What a reply's tokens share where the ratio is the reply's (GSPO, arXiv:2507.18071, eq. 7):
//   s = exp(mean over its tokens of log p - log p_old),  d s / d log p = s / tokens.
struct ReplyRatio {
  double ratio = 1;
  int64_t tokens = 1;
  double policy_weight = 0;  // sum of w and the weights of its kept tokens
  double kl = 0;             // sum of w, the weights and k3 of its tokens
};

// With ratio r = exp(log p - log p_old) and advantage A (DeepSeekMath, eq. 3; PPO, eq. 7):
//   loss = weight * w * (surrogate(r, A) + beta k3),
//   k3 = q - log q - 1, q = p_reference / p (Schulman 2020), times r when unbiased (DeepSeek-V3.2),
//   w = min(p_old / p_rollout, cap) for rounded rollouts, else 1 (rollout_ratio.h); a constant.
//   Both terms are means over what the policy draws, so both have it.
class PolicyObjective final : public TokenObjective {
 public:
  struct Options {
    double clip_low = 0.2, clip_high = 0.28;
    double kl_weight = 0;
    bool kl_unbiased = false;
    bool is_rounded = false;  // the tokens have log-probabilities of their rollouts
    double ratio_cap = 0;     // of w; 0: w = 1
    // No update has been made since the replies were drawn: log p is log p_old, whatever the tokens
    // have there.
    bool is_first_update = false;
    Surrogate form = Surrogate::clip;
    double clip_delta = 0, cispo_cap = 5, sapo_positive = 1, sapo_negative = 1.05;
    SurrogateShape shape() const {
      return {form, clip_low, clip_high, clip_delta, cispo_cap, sapo_positive, sapo_negative};
    }
  };
  // `rows`: the counted row of each token, several tokens of one where replies share it; every row
  // has one. Empty: one token per counted row, in order. `replies`: those that tokens name.
  PolicyObjective(const Options& options, const std::vector<PolicyToken>& tokens,
                  std::vector<ReplyRatio> replies = {}, std::span<const int> rows = {});

  double evaluate(int row, float log_probability, float& slope) override;

  struct Sums {
    int64_t tokens = 0, clipped = 0;
    double kl = 0, max_difference = 0;  // of log p and log p_old
    RolloutRatio rollout;               // p_old against p_rollout, of rounded rollouts
  };
  const Sums& sums() const { return sums_; }

 private:
  double evaluate_token(const PolicyToken& token, float log_probability, float& slope);

  Options options_;
  const std::vector<PolicyToken>& tokens_;
  std::vector<ReplyRatio> replies_;
  std::vector<int> ends_, order_;  // tokens of row i: order_[ends_[i - 1]] to order_[ends_[i] - 1]
  size_t next_ = 0;                // row
  Sums sums_;
};

}  // namespace weir
