// How a token is chosen from logits, and where each formula comes from. In this order:
//
// Logits of all tokens are changed:
//   1. logit_bias is added.
//   2. Repetition: l > 0 ? l / r : l * r for the tokens of the window (Keskar et al. 2019, CTRL,
//      section 4.1, with the sign rule of transformers, vLLM and llama.cpp).
//   3. Presence and frequency: l - presence * [count > 0] - frequency * count (OpenAI API).
//   4. DRY: l - multiplier * base^(match - allowed) for a token that would make a repetition of
//      `match` >= allowed tokens longer ("Don't repeat yourself", P. E. Weidmann 2024,
//      text-generation-webui pull request 5677). `match`: the most tokens at the end that also
//      stand before an earlier occurrence of the token, reaching over no breaker.
//   5. A TokenFilter takes tokens out. It sees the model's logits, not the changed ones.
// Temperature 0 then takes the highest logit. Otherwise the softmax of logits / temperature is
// narrowed, each step looking at what the one before left, as a distribution that sums to 1:
//   6. top-k.
//   7. Typical: the fewest tokens, those whose -log p is nearest to the entropy first, with total
//      probability >= typical_p (Meister et al. 2023, Locally typical sampling, section 4).
//   8. top-p (Holtzman et al. 2020, eq. 2).
//   9. min-p (Nguyen et al. 2024, section 3).
//  10. XTC: in a share xtc_probability of the draws, of the tokens with p >= xtc_threshold all but
//      the least probable one are taken out (P. E. Weidmann 2024, pull request 6335).
// and one token is drawn.
#pragma once
#include <cstddef>
#include <cstdint>
#include <vector>

#include "base/result.h"

namespace weir {

struct LogitBias {
  int token = 0;
  float bias = 0;  // in [-100, 100]; the ends all but forbid or force the token
  bool operator==(const LogitBias&) const = default;
};

struct SamplingOptions {
  double temperature =
      1;             // logits are divided by it; 0: the most probable token, ties to the lowest id
  int top_k = 0;     // keep the k most probable tokens, ties to the lowest ids; 0: all
  double top_p = 1;  // keep the fewest tokens that together have at least this probability; 1: all
  double min_p = 0;  // keep tokens at least this many times as probable as the most probable one
  double typical_p = 1;        // in (0, 1]; 1: off
  double xtc_probability = 0;  // in [0, 1]; 0: off
  double xtc_threshold = 0.1;  // in [0, 1]; above 0.5 no two tokens reach it

  // What each penalty looks at is what its users expect. Repetition, as in llama.cpp: the last
  // repeat_last_n tokens of prompt and reply; -1: all of them, as in transformers and vLLM; 0: off.
  double repeat_penalty = 1;  // in (0, 10]; 1: off
  int repeat_last_n = 64;
  // The tokens drawn so far, without the prompt, as in OpenAI's API and vLLM. In [-2, 2]; 0: off.
  double presence_penalty = 0, frequency_penalty = 0;
  // The last dry_last_n tokens of prompt and reply; -1: all of them.
  double dry_multiplier = 0;   // in [0, 100]; 0: off
  double dry_base = 1.75;      // in [1, 10]
  int dry_allowed_length = 2;  // at least 1; shorter repetitions are free
  int dry_last_n = -1;
  std::vector<int> dry_breakers = {};  // token ids, ascending

  std::vector<LogitBias> logit_bias = {};

  // How many of the most probable tokens each draw reports with their probabilities, in [0, 20].
  int top_log_probabilities = 0;
  uint64_t seed = 0;
};

// Ranges; the error names the option and its range.
Result<void> validate(const SamplingOptions& options);
// Also that every token id exists.
Result<void> validate(const SamplingOptions& options, int vocabulary);

}  // namespace weir
