// The loss of a pair of replies under direct preference optimisation (DPO: Rafailov et al. 2023,
// arXiv:2305.18290, eq. 7). With d = log p - log p_reference of a whole reply:
//   sigmoid  margin m = beta (d_chosen - d_rejected); -(1 - e) log sigmoid(m) - e log sigmoid(-m),
//            e the label smoothing of conservative DPO (0: plain DPO)
//   robust   the same with -e in the second term, over 1 - 2e (Chowdhury et al. 2024,
//            arXiv:2403.00409): unbiased where a share e of the labels is wrong
//   ipo      (d_chosen / tokens - d_rejected / tokens - 1 / (2 beta))^2 (Azar et al. 2023,
//            arXiv:2310.12036, eq. 17, per token as TRL has it)
// `robust` and `ipo` are those of TRL 1.16; its `sigmoid` knows no label smoothing.
#pragma once
#include <cstdint>

namespace weir {

enum class PreferenceLoss { sigmoid, robust, ipo };

struct PreferenceShape {
  PreferenceLoss loss = PreferenceLoss::sigmoid;
  double beta = 0.1, label_smoothing = 0;
};

// Of one reply: sums over its tokens.
struct ReplyScore {
  double log_probability = 0, reference = 0;
  int64_t tokens = 1;
};

struct PreferenceValue {
  double loss = 0;
  double chosen_slope = 0, rejected_slope = 0;    // d loss / d log p of every token of the reply
  double chosen_reward = 0, rejected_reward = 0;  // beta d
};

PreferenceValue preference_loss(const PreferenceShape& shape, const ReplyScore& chosen,
                                const ReplyScore& rejected);

}  // namespace weir
