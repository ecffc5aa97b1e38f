// Guesses the next tokens of running sequences, so that one pass over the model verifies several of
// them (speculative decoding: Leviathan et al. 2023; Chen et al. 2023). Which guesses are worth a
// row of the pass is decided by what was measured: how often such guesses came true, and what
// passes of so many rows took.
//
// The engine draws from the logits of every row with the random number of that row's own step and
// keeps a guess while it equals the drawn token. Rows do not depend on what else is in a pass
// (engine.h), so tokens and log-probabilities are the same bits with any guesses or none, greedy or
// sampled.
#pragma once
#include <cstdint>
#include <map>
#include <memory>
#include <span>
#include <vector>

#include "engine/acceptance.h"
#include "engine/drafter.h"
#include "engine/ngram_index.h"
#include "engine/pass_cost.h"
#include "engine/request.h"
#include "engine/speculation_options.h"

namespace weir {

class Speculator {
 public:
  // `draft` may be null.
  Speculator(const SpeculationOptions& options, std::unique_ptr<Drafter> draft)
      : options_(options), draft_(std::move(draft)) {}

  // Guesses for each of the sequences, often none, at most `rows_max` together. Valid until the
  // next call.
  std::span<const std::vector<int>> draft(std::span<const DraftedSequence> sequences, int rows_max);
  // The tokens that a sequence drew after that, those of an accepted draft among them.
  void learn(SequenceId id, std::span<const int> drawn);
  // A pass of so many rows, one for each sequence and the guesses, took so long.
  void observe_pass(int rows, double seconds) { cost_.observe(rows, seconds); }
  void forget(SequenceId id);

  const PassCost& cost() const { return cost_; }

 private:
  enum class Source { ngram, model };
  struct Guess {
    int token = -1, kind = 0;  // kind: the class of its acceptance
    double chance = 0;         // that it and all before it come true
  };
  struct State {
    NgramIndex ngrams;
    Acceptance by_match;
    Source source = Source::ngram;
    std::vector<Guess> guesses = {};  // of the last draft(), also those that were not verified
  };
  // What one sequence may get of a pass.
  struct Offer {
    const DraftedSequence* sequence;
    State* state;
  };

  void guess_by_ngrams(const Offer& offer);
  void guess_by_model(const std::vector<Offer>& offers);
  int model_tokens(int drafted, int all) const;
  void choose(std::span<const Offer> offers, int rows_max);

  SpeculationOptions options_;
  std::unique_ptr<Drafter> draft_;
  std::map<SequenceId, State> states_;
  Acceptance by_match_, by_chance_;  // of all sequences
  Acceptance model_;                 // of the draft model: class 0
  PassCost cost_, draft_cost_;
  // Passes since guesses were last verified, and asked of the draft model, that did not seem to
  // pay.
  int skipped_ = 0, model_skipped_ = 0;
  std::vector<std::vector<int>> drafts_;
};

}  // namespace weir
