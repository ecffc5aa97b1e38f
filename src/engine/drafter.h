// A model that guesses how running sequences of the engine go on: a smaller one (draft_model.h) or
// the large one's own further module (further_draft.h). It draws by the sequence's own options and
// random numbers, so where it agrees with the large model its guess is what the large model draws,
// at any temperature.
#pragma once
#include <span>
#include <vector>

#include "engine/sampler.h"
#include "engine/speculation_options.h"
#include "tensor/cache.h"

namespace weir {

struct DrafterSetup {
  int sequences_max = 1;
  int prefill_rows = 256;  // prompt tokens read in one pass
  CacheForm cache = CacheForm::expanded;
  size_t cache_bytes_max = 0;
  bool exact = true;
  int drawable = 0;  // as in EngineOptions
};

class Drafter {
 public:
  struct Guess {
    int token = -1;
    float probability = 0;  // by the drafter's own softmax
  };
  virtual ~Drafter() = default;
  // Starts a round of guesses for these sequences.
  virtual void begin(std::span<const DraftedSequence> sequences) = 0;
  // One more guess for each of `wanted` (indices into begin()'s sequences), in one pass. Entry i
  // belongs to wanted[i]; a token of -1: none, now and in this round.
  virtual std::vector<Guess> next(std::span<const int> wanted) = 0;
  // Rows of the last pass.
  virtual int rows() const = 0;
  virtual void forget(SequenceId id) = 0;
};

// The guess that `logits` make for what follows `tokens`: those of the sequence and the guesses
// before. Without the sequence's filter: that is asked for tokens that are really drawn.
Drafter::Guess draw_guess(Sampler& sampler, const DraftedSequence& sequence,
                          std::span<const int> tokens, std::span<const float> logits);

}  // namespace weir
