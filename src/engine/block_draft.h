// DSpark's stages (model/dspark.h) as a drafter: a block of tokens for each sequence in one pass,
// whose tokens are then drawn one after the other, because each depends on the one before.
//
// Of a sequence it keeps one row per stage for each token of the window, from the first row that
// the engine computed for it: rows of a shared prefix are not there. That costs right guesses, not
// right tokens.
#pragma once
#include <memory>
#include <span>
#include <vector>

#include "base/arena.h"
#include "base/thread_pool.h"
#include "engine/drafter.h"
#include "model/model.h"

namespace weir {

class BlockDraft final : public StateDrafter {
 public:
  // Model and pool outlive it. Fails for a model without such stages. `rows_max`: of absorb().
  static Result<std::unique_ptr<BlockDraft>> create(const Model& model, ThreadPool& pool,
                                                    const DrafterSetup& setup, int rows_max);

  void absorb(Tensor states, std::span<const KnownRow> rows) override;
  void begin(std::span<const DraftedSequence> sequences) override;
  std::vector<Guess> next(std::span<const int> wanted) override;
  int rows() const override { return rows_; }
  bool drafts_blocks() const override { return true; }
  void forget(SequenceId id) override;

 private:
  struct Slot {
    SequenceId id = -1;            // -1: nobody's
    int end = 0;                   // position after the last row
    std::vector<float> rows = {};  // of the last tokens, at least a window of them, [width]
  };
  struct Drafted {
    DraftedSequence sequence;
    int slot = -1;                 // -1: not known
    int block = -1;                // in the pass; -1: not drafted
    std::vector<int> tokens = {};  // the sequence's, then the guesses
    int guesses() const { return int(tokens.size() - sequence.tokens.size()); }
  };
  BlockDraft(const Model& model, ThreadPool& pool, const DrafterSetup& setup, int rows_max);
  void draft(std::span<const int> wanted);

  const Model& model_;
  ThreadPool& pool_;
  DrafterSetup setup_;
  const int width_, window_, block_;  // of a row; rows that a block sees; tokens of a block
  Arena arena_;
  std::vector<Sampler> samplers_;  // one per thread
  std::vector<Slot> slots_;
  std::vector<Drafted> round_;
  bool has_drafted_ = false;  // in this round
  Tensor hidden_, logits_;    // of this round's blocks
  int rows_ = 0;
};

}  // namespace weir
