// Changes logits before a draw: steps 1 to 4 of sampling_options.h. Linear in the tokens looked at.
#pragma once
#include <span>
#include <vector>

#include "engine/sampling_options.h"

namespace weir {

// What a draw comes after.
struct SamplingHistory {
  std::span<const int> tokens = {};  // the prompt, then what was drawn
  size_t prompt = 0;                 // tokens of it
  std::span<const int> drawn() const { return tokens.subspan(prompt); }
};

// Whether adjust_logits() would change any.
bool adjusts_logits(const SamplingOptions& options);

// Keeps scratch memory between calls: one per thread.
class Penalties {
 public:
  // The options are valid. Tokens outside of `logits` are left out; finite logits stay finite.
  void adjust_logits(std::span<float> logits, const SamplingOptions& options,
                     const SamplingHistory& history);

 private:
  void penalize_repetition(std::span<float> logits, const SamplingOptions& options,
                           std::span<const int> tokens);
  void penalize_counts(std::span<float> logits, const SamplingOptions& options,
                       std::span<const int> drawn);
  void penalize_dry(std::span<float> logits, const SamplingOptions& options,
                    std::span<const int> tokens);

  std::vector<int> sorted_, matches_;
};

}  // namespace weir
