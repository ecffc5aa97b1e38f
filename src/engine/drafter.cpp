#include "engine/drafter.h"

#include <cmath>

namespace weir {

Drafter::Guess draw_guess(Sampler& sampler, const DraftedSequence& sequence,
                          std::span<const int> tokens, std::span<const float> logits) {
  const TokenRequest& request = *sequence.request;
  auto token = sampler.sample(logits, request.sampling, request.stream,
                              tokens.size() - sequence.prompt, {}, {tokens, sequence.prompt});
  if (!token) return {};
  return {token->token, std::exp(token->model_log_probability)};
}

}  // namespace weir
