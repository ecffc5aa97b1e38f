// A smaller model with the same tokens as a drafter, with a cache of its own.
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

class DraftModel final : public Drafter {
 public:
  // Model and pool outlive it. Fails on a vocabulary that lacks tokens that the engine may draw.
  static Result<std::unique_ptr<DraftModel>> create(const Model& model, ThreadPool& pool,
                                                    const DrafterSetup& setup);

  // A long prompt is read over several rounds; its sequence gets no guess before the last. So does
  // one that finds no room.
  void begin(std::span<const DraftedSequence> sequences) override;
  std::vector<Guess> next(std::span<const int> wanted) override;
  int rows() const override { return rows_; }
  void forget(SequenceId id) override;

 private:
  struct Slot {
    SequenceId id = -1;  // -1: nobody's
    std::vector<int> cached = {};
  };
  struct Drafted {
    DraftedSequence sequence;
    int slot = -1;                 // -1: no room
    std::vector<int> tokens = {};  // the sequence's, then the guesses
  };
  DraftModel(const Model& model, ThreadPool& pool, const DrafterSetup& setup, KvCache cache);
  int slot_of(const Drafted& drafted);
  void release(int slot);

  const Model& model_;
  ThreadPool& pool_;
  DrafterSetup setup_;
  KvCache cache_;
  Arena arena_;
  std::vector<Sampler> samplers_;  // one per thread
  std::vector<Slot> slots_;
  std::vector<Drafted> round_;
  int rows_ = 0;
};

}  // namespace weir
