// Memory of earlier tokens for any number of sequences: keys and values per head, or MLA's latent
// rows. Attention writes the rows itself (tensor/cache.h); this file owns, limits and shares them.
#pragma once
#include <cstddef>
#include <vector>

#include "base/result.h"
#include "config/config.h"
#include "engine/page_pool.h"
#include "tensor/cache.h"

namespace weir {

// A page holds 32 positions of all layers, layer after layer:
//   expanded: per head keys [key_width][32], then values [32][value_width]
//   latent:   rows [32][rank + rope]
// and with sparse attention, after that, the indexer's keys [index_head_dim][32] of all layers.
// The layers of multi-token prediction modules are not cached.
class KvCache final : public Cache {
 public:
  // `bytes_max` bounds what all sequences hold together. Memory that was used once stays with the
  // cache. Fails for a latent cache of a model without latent attention.
  static Result<KvCache> create(const ModelConfig& config, CacheForm form, size_t bytes_max);

  CacheForm form() const override { return form_; }
  CacheView view(int layer, int sequence) override;

  // Room for positions [0, positions) of a sequence. What was written below its length stays, what
  // is beyond may be written now and holds anything before that. The error tells the bytes needed
  // and the limit; nothing has changed then.
  Result<void> reserve(int sequence, int positions);
  // Gives back all pages of a sequence.
  void release(int sequence);
  // Makes the first `positions` positions of `to` those of `from`, reserving them: whole pages are
  // shared, the rest is copied. Neither may write below `positions` any more without truncating and
  // reserving first.
  Result<void> fork(int from, int to, int positions);
  // Forgets positions from `positions` on; the room stays.
  void truncate(int sequence, int positions);

  // Positions reserved and not truncated; 0 for unknown sequences.
  int length(int sequence) const;
  int capacity(int sequence) const;
  // Of all pages in use, one that is shared counted once.
  size_t bytes() const { return pool_.in_use() * pool_.page_bytes(); }
  size_t bytes_max() const { return bytes_max_; }
  // What a sequence that shares nothing takes.
  size_t bytes_for(int positions) const;
  // The longest sequence that an empty cache holds, by memory and by the model's context.
  int positions_max() const;

 private:
  struct Sequence {
    std::vector<int> pages;
    std::vector<float*> data;  // of the pages
    int length = 0;
  };
  KvCache() = default;
  void replace(Sequence& sequence, size_t at, int page);

  CacheForm form_ = CacheForm::expanded;
  int layers_ = 0, heads_ = 0, key_width_ = 0, value_width_ = 0, latent_width_ = 0;
  size_t layer_floats_ = 0, index_floats_ = 0;  // of a page, per layer
  int context_ = 0;
  size_t bytes_max_ = 0;
  PagePool pool_;
  std::vector<Sequence> sequences_;
};

}  // namespace weir
