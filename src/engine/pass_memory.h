// The arena that a pass over a model needs, measured by a dry run: the model's own forward, with a
// pool that runs nothing and an arena that only counts. So it follows the operations by itself.
#pragma once
#include <cstddef>

#include "model/model.h"

namespace weir {

// The largest pass that somebody will ask for.
struct PassShape {
  int rows = 1;       // tokens
  int sampled = 0;    // rows whose logits are computed, at most `rows`
  int positions = 1;  // tokens of the longest sequence, cached ones included
  CacheForm cache = CacheForm::expanded;
  bool exact = true;                      // as in Run
  CacheType cache_type = CacheType::f32;  // one that the model can use
};

// Bytes that any pass over `model` takes at most, which has no more of anything than `shape` and a
// cache. The model may be an outline; no weight is read.
size_t pass_bytes(const Model& model, const PassShape& shape, int threads);
// Of a pass over the module of multi-token prediction that follows a pass of such rows.
size_t further_pass_bytes(const Model& model, const PassShape& shape, int threads);
// Of DSpark's stages: what they keep of `rows` tokens, or the blocks of `sequences` and their
// guesses.
size_t block_pass_bytes(const Model& model, int rows, int sequences, int threads, bool exact);
// The same where every row's logits or the log-probability of its target is wanted, exact or not.
size_t scoring_bytes(const Model& model, int rows, int positions, CacheForm cache, CacheType type,
                     int threads);

}  // namespace weir
