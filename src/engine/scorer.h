// Runs given tokens through the model, in chunks over a cache: their logits, or the log-probability
// of every token. The bits are those of one pass over all of them.
#pragma once
#include <functional>
#include <memory>
#include <span>
#include <vector>

#include "base/arena.h"
#include "base/thread_pool.h"
#include "engine/kv_cache.h"
#include "model/model.h"
#include "tensor/run.h"

namespace weir {

class Scorer {
 public:
  // Model and pool outlive the scorer. `positions_max`: of the longest text; the cache is made for
  // it. `chunk`: rows of a pass.
  static Result<std::unique_ptr<Scorer>> create(const Model& model, ThreadPool& pool,
                                                int positions_max,
                                                CacheForm form = CacheForm::expanded,
                                                int chunk = 256, CacheType type = CacheType::f32);

  // Calls on_rows(first, logits [rows, vocabulary]) for all rows in order; it may fail to end the
  // work. Tokens must be below the vocabulary's size and no more than positions_max.
  Result<void> logits(std::span<const int> tokens,
                      const std::function<Result<void>(int first, Tensor rows)>& on_rows);
  // log p of every token but the first, given those before it; the first is 0.
  Result<std::vector<float>> log_probabilities(std::span<const int> tokens);

  // Called on the inputs of every matrix product of further passes; may be null.
  ActivationObserver* observer = nullptr;
  bool exact = true;  // Run::exact of all further passes

 private:
  Scorer(const Model& model, ThreadPool& pool, KvCache cache, int chunk, int positions_max);
  Result<void> run(
      std::span<const int> tokens,
      const std::function<Result<void>(Run& run, int first, Tensor hidden)>& on_hidden);

  const Model& model_;
  ThreadPool& pool_;
  KvCache cache_;
  const size_t chunk_;
  Arena arena_;
};

}  // namespace weir
