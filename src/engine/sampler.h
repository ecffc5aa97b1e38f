// Chooses a token from logits: temperature, then top-k, top-p and min-p, then one draw. A draw is a
// pure function of (seed, stream, step), so it does not matter what else is generated at the same
// time.
#pragma once
#include <cstdint>
#include <span>
#include <vector>

#include "base/result.h"

namespace weir {

struct SamplingOptions {
  double temperature =
      1;             // logits are divided by it; 0: the most probable token, ties to the lowest id
  int top_k = 0;     // keep the k most probable tokens, ties to the lowest ids; 0: all
  double top_p = 1;  // keep the fewest tokens that together have at least this probability; 1: all
  double min_p = 0;  // keep tokens at least this many times as probable as the most probable one
  uint64_t seed = 0;
};
// Ranges; the error names the option.
Result<void> validate(const SamplingOptions& options);

struct SampledToken {
  int token = -1;
  float log_probability = 0;  // under the distribution it was drawn from; 0 when greedy
  // Under the softmax of all logits, and of all logits divided by the temperature (the policy that
  // reinforcement learning improves; the same when greedy), bit for bit as token_loss has them.
  float model_log_probability = 0, policy_log_probability = 0;
};

// Keeps scratch memory between calls: one per thread. Time is linear in the vocabulary plus a sort
// of the tokens that top-k and top-p leave.
class Sampler {
 public:
  // Ids in [0, tokens) may be chosen; logits may have more columns (a vocabulary padded for speed).
  explicit Sampler(int tokens) : tokens_(tokens) {}
  // `stream` tells samples of one seed apart, `step` counts the tokens drawn. The options are
  // valid. Tokens with is_forbidden[id] != 0 are not drawn (empty: none is forbidden, else one for
  // each id that may be chosen); the log-probabilities of model and policy count them all the same.
  // Fails on logits that are not finite and when every token is forbidden.
  Result<SampledToken> sample(std::span<const float> logits, const SamplingOptions& options,
                              uint64_t stream, uint64_t step,
                              std::span<const uint8_t> is_forbidden = {});

 private:
  struct Candidate {
    float weight;  // exp((logit - highest) / temperature)
    float logit;
    int token;
  };
  void collect(std::span<const float> logits, const SamplingOptions& options,
               std::span<const uint8_t> is_forbidden, float top);
  void keep_top_k(int k);
  void keep_top_p(double p);
  void keep_min_p(double p);
  float log_probability(std::span<const float> logits, int token, float inverse_temperature);
  SampledToken draw(uint64_t seed, uint64_t stream, uint64_t step) const;

  int tokens_;
  std::vector<float> scratch_;
  std::vector<Candidate> candidates_;  // in order of ids, or most probable first after a top filter
};

}  // namespace weir
