// Memory of earlier tokens for any number of sequences: keys and values per head, or MLA's latent
// rows. Attention writes the rows itself (tensor/cache.h); this file owns, limits, grows and copies
// them.
#pragma once
#include <cstddef>
#include <vector>

#include "base/result.h"
#include "model/config.h"
#include "tensor/buffer.h"
#include "tensor/cache.h"

namespace weir {

// The numbers of one sequence stand in one buffer, layer after layer:
//   expanded: per head keys [capacity / 32][key_width][32], then per head values
//   [capacity][value_width] latent:   rows [capacity][rank + rope]
// The layers of multi-token prediction modules are not cached.
class KvCache final : public Cache {
 public:
  // `bytes_max` bounds what all sequences hold together; while one grows its old buffer exists
  // beside the new one for a moment. Fails for a latent cache of a model without latent attention.
  static Result<KvCache> create(const ModelConfig& config, CacheForm form, size_t bytes_max);

  CacheForm form() const override { return form_; }
  CacheView view(int layer, int sequence) override;

  // Room for positions [0, positions) of a sequence; what was written stays. A sequence begins with
  // its first reservation, which is exact; later ones at least double its room, memory permitting.
  // New memory is zero. The error tells the bytes needed and the limit; nothing has changed then.
  Result<void> reserve(int sequence, int positions);
  // Gives back all memory of a sequence.
  void release(int sequence);
  // Makes the first `positions` positions of `to` those of `from`, reserving them.
  Result<void> fork(int from, int to, int positions);
  // Forgets positions from `positions` on; the room stays.
  void truncate(int sequence, int positions);

  // Positions reserved and not truncated; 0 for unknown sequences.
  int length(int sequence) const;
  int capacity(int sequence) const;
  size_t bytes() const { return bytes_; }
  size_t bytes_max() const { return bytes_max_; }
  // What a first reservation takes.
  size_t bytes_for(int positions) const;
  // The longest first reservation that an empty cache grants, by memory and by the model's context.
  int positions_max() const;

 private:
  struct Sequence {
    Buffer buffer;
    int capacity = 0, length = 0;
  };
  KvCache() = default;
  Result<void> resize(Sequence& sequence, int capacity);
  void copy(const Sequence& from, Sequence& to, int positions) const;
  CacheView view_of(const Sequence& sequence, int layer) const;

  CacheForm form_ = CacheForm::expanded;
  int layers_ = 0, heads_ = 0, key_width_ = 0, value_width_ = 0, latent_width_ = 0;
  int context_ = 0;
  size_t bytes_ = 0, bytes_max_ = 0;
  std::vector<Sequence> sequences_;
};

}  // namespace weir
