// The model's first module of multi-token prediction (DeepSeek-V3, section 2.2) as a drafter: of
// the model's hidden state at a token (V4: all streams) and the token after it, it predicts the one
// after that. For further guesses it goes on from its own states, as if they were the model's.
//
// It has seen a sequence from the first row that the engine computed for it: rows of a shared
// prefix are not there. That costs right guesses, not right tokens.
#pragma once
#include <memory>
#include <span>
#include <vector>

#include "base/arena.h"
#include "base/thread_pool.h"
#include "engine/drafter.h"
#include "engine/kv_cache.h"
#include "model/model.h"

namespace weir {

class FurtherDraft final : public StateDrafter {
 public:
  // Model and pool outlive it. Fails for a model without such a module. `rows_max`: of absorb().
  static Result<std::unique_ptr<FurtherDraft>> create(const Model& model, ThreadPool& pool,
                                                      const DrafterSetup& setup, int rows_max);

  void absorb(Tensor states, std::span<const KnownRow> rows) override;
  void begin(std::span<const DraftedSequence> sequences) override;
  std::vector<Guess> next(std::span<const int> wanted) override;
  int rows() const override { return rows_; }
  void forget(SequenceId id) override;

 private:
  struct Slot {
    SequenceId id = -1;              // -1: nobody's
    int first = 0;                   // position of the first row it has
    int length = 0;                  // rows of tokens that are known
    std::vector<float> hidden = {};  // the module's, of the last of them
    std::vector<float> states = {};  // the same for the next module
  };
  struct Drafted {
    DraftedSequence sequence;
    int slot = -1;                   // -1: not known
    std::vector<int> tokens = {};    // the sequence's, then the guesses
    std::vector<float> hidden = {};  // from which the next guess is drawn
    std::vector<float> states = {};  // from which the one after it is computed
  };
  FurtherDraft(const Model& model, ThreadPool& pool, const DrafterSetup& setup, KvCache cache,
               int rows_max);
  void release(int slot);
  void advance(std::span<const int> wanted);

  const Model& model_;
  ThreadPool& pool_;
  DrafterSetup setup_;
  KvCache cache_;  // of the module's layer, at positions counted from `first`
  Arena arena_;
  std::vector<Sampler> samplers_;  // one per thread
  std::vector<Slot> slots_;
  std::vector<Drafted> round_;
  bool has_guessed_ = false;  // in this round
  int rows_ = 0;
};

}  // namespace weir
