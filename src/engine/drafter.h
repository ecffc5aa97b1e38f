// A model that guesses how running sequences of the engine go on: a smaller one (draft_model.h), or
// the large one's own further module (further_draft.h) or stages (block_draft.h). It draws by the
// sequence's own options and random numbers, so where it agrees with the large model its guess is
// what the large model draws, at any temperature.
#pragma once
#include <span>
#include <vector>

#include "base/thread_pool.h"
#include "engine/kv_cache.h"
#include "engine/sampler.h"
#include "engine/speculation_options.h"
#include "tensor/cache.h"
#include "tensor/tensor.h"

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
  // Rows of the last pass; 0: it made none.
  virtual int rows() const = 0;
  // Whether the first guess of a round costs as much as all of them.
  virtual bool drafts_blocks() const { return false; }
  virtual void forget(SequenceId id) = 0;
};

// A row of a pass that counts, now that the token after it is known.
struct KnownRow {
  SequenceId sequence;
  int slot;      // of the sequence, in [0, sequences_max)
  int position;  // of the row's token
  int next;      // the token after it
  int row;       // of what the pass made
};

// A part of the large model itself, which reads what the model computes.
class StateDrafter : public Drafter {
 public:
  // Takes over all rows that a pass computed for sequences that go on, those of one sequence
  // together and in order. `states`: what Model::forward() makes for further predictions, in other
  // memory than this object's.
  virtual void absorb(Tensor states, std::span<const KnownRow> rows) = 0;
};

// The guess that `logits` make for what follows `tokens`: those of the sequence and the guesses
// before. Without the sequence's filter: that is asked for tokens that are really drawn.
Drafter::Guess draw_guess(Sampler& sampler, const DraftedSequence& sequence,
                          std::span<const int> tokens, std::span<const float> logits);

// The guesses for entries of `wanted`: row i of `logits` is for wanted[guessed[i]]. Each continues
// the tokens of its entry of the round.
template <class Round>
std::vector<Drafter::Guess> draw_guesses(ThreadPool& pool, std::vector<Sampler>& samplers,
                                         Tensor logits, std::span<const int> wanted,
                                         const std::vector<int>& guessed, Round& round) {
  std::vector<Drafter::Guess> guesses(wanted.size());
  pool.parallel_for(int(guessed.size()), [&](int i, int thread) {
    const size_t at = size_t(guessed[size_t(i)]);
    const auto& drafted = round[size_t(wanted[at])];
    guesses[at] = draw_guess(samplers[size_t(thread)], drafted.sequence, drafted.tokens,
                             {logits.row(i), size_t(logits.cols)});
  });
  for (size_t i = 0; i < wanted.size(); ++i)
    if (guesses[i].token >= 0) round[size_t(wanted[i])].tokens.push_back(guesses[i].token);
  return guesses;
}

// Reserves positions [0, positions) of a slot of a drafter's cache. Where there is no page, gives
// up what idle slots, whose id is negative, still hold. False: there is no room.
template <class Slot>
bool reserve_draft(KvCache& cache, std::vector<Slot>& slots, int slot, int positions) {
  if (positions > cache.positions_max()) return false;
  for (int i = 0; cache.bytes_to_take(slot, positions) > cache.bytes_free(); ++i) {
    if (i == int(slots.size())) return false;
    if (slots[size_t(i)].id >= 0) continue;
    slots[size_t(i)] = {};
    cache.release(i);
  }
  return cache.reserve(slot, positions).has_value();
}

}  // namespace weir
