// Where guesses of the next tokens come from (speculation.h).
#pragma once
#include <span>

#include "base/result.h"
#include "engine/request.h"

namespace weir {

class Model;

constexpr int kGuessesMax = 32;  // verified in one pass, of all sequences

struct SpeculationOptions {
  bool ngrams = false;  // from the prompt and from what was drawn
  // A smaller model with the same tokens, which outlives the engine; null: none. Its cache is a
  // part of EngineOptions::cache_bytes_max.
  const Model* draft = nullptr;
  // The model's own module of multi-token prediction (further_draft.h); not beside a draft model.
  bool mtp = false;
  int tokens_max = 8;  // most guesses for a sequence in one pass, in [1, 32]
  // False: verifies all guesses, whatever was measured.
  bool adapts = true;

  bool is_on() const { return ngrams || draft || mtp; }
};

// The range of tokens_max; the error names it.
Result<void> validate(const SpeculationOptions& options);

// A running sequence that may get guesses.
struct DraftedSequence {
  SequenceId id = 0;
  std::span<const int> tokens = {};  // the prompt, then what was drawn
  size_t prompt = 0;                 // tokens of it
  const TokenRequest* request = nullptr;
  int tokens_max = 0;  // guesses that are of use
};

}  // namespace weir
