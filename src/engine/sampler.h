// Chooses a token from logits by the steps of sampling_options.h. A draw is a pure function of the
// logits, the options, the tokens before it and (seed, stream, step), so it does not matter what
// else is generated at the same time.
#pragma once
#include <cstdint>
#include <span>
#include <vector>

#include "base/result.h"
#include "engine/penalties.h"
#include "engine/sampling_options.h"

namespace weir {

struct TokenLogProbability {
  int token = -1;
  float log_probability = 0;
  bool operator==(const TokenLogProbability&) const = default;
};

// A token of a text with its log-probability under the softmax of all logits.
struct TokenScore {
  int token = -1;
  float log_probability = 0;
  // The most probable tokens at its place, in the order of SampledToken::top.
  std::vector<TokenLogProbability> top = {};
  bool is_scored = true;  // false: nothing stands before it
  bool operator==(const TokenScore&) const = default;
};

struct SampledToken {
  int token = -1;
  float log_probability = 0;  // under the distribution it was drawn from; 0 when greedy
  // Under the softmax of all logits, and of all logits divided by the temperature (the policy that
  // reinforcement learning improves; the same when greedy), bit for bit as token_loss has them.
  float model_log_probability = 0, policy_log_probability = 0;
  // Under the softmax of all logits, the most probable first, ties to the lowest ids; as many as
  // SamplingOptions::top_log_probabilities.
  std::vector<TokenLogProbability> top = {};
};

// Keeps scratch memory between calls: one per thread. Time is linear in the vocabulary plus a sort
// of the tokens that top-k and top-p leave.
class Sampler {
 public:
  // Ids in [0, tokens) may be chosen; logits may have more columns (a vocabulary padded for speed).
  explicit Sampler(int tokens) : tokens_(tokens) {}
  // `stream` tells samples of one seed apart, `step` counts the tokens drawn. The options are
  // valid. Tokens with is_forbidden[id] != 0 are not drawn (empty: none is forbidden, else one for
  // each id that may be chosen). The log-probabilities of model and policy are those of the logits
  // as they come: neither forbidden tokens nor penalties change them. Fails on logits that are not
  // finite and when every token is forbidden.
  Result<SampledToken> sample(std::span<const float> logits, const SamplingOptions& options,
                              uint64_t stream, uint64_t step,
                              std::span<const uint8_t> is_forbidden = {},
                              const SamplingHistory& history = {});

  // What `token` has under logits that are finite, with the `top` most probable ones.
  TokenScore score(std::span<const float> logits, int token, int top);

 private:
  struct Candidate {
    float weight;  // exp((logit - highest) / temperature)
    float logit;
    int token;
  };
  void collect(std::span<const float> logits, const SamplingOptions& options,
               std::span<const uint8_t> is_forbidden, float top);
  void narrow(const SamplingOptions& options, float top, uint64_t stream, uint64_t step);
  void keep_top_k(int k);
  void keep_typical(double p, float top, double temperature);
  void keep_top_p(double p);
  void keep_min_p(double p);
  void exclude_top_choices(double threshold);
  template <class Order>
  void keep_first(double p, Order before);
  float log_probability(std::span<const float> logits, int token, float inverse_temperature);
  std::vector<TokenLogProbability> top_of(std::span<const float> logits, int count) const;
  SampledToken draw(uint64_t seed, uint64_t stream, uint64_t step) const;

  int tokens_;
  Penalties penalties_;
  std::vector<float> scratch_, adjusted_;
  float log_sum_ = 0;                  // log_probability()'s, of the last call
  std::vector<Candidate> candidates_;  // in order of ids, or of the last filter that sorts
};

}  // namespace weir
