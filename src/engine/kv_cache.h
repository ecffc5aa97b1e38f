// Memory of earlier tokens for any number of sequences: keys and values per head, or MLA's latent
// rows. Attention writes the rows itself (tensor/cache.h); this file owns, limits and shares them.
#pragma once
#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <utility>
#include <vector>

#include "base/result.h"
#include "config/config.h"
#include "engine/absorbed_weights.h"
#include "engine/page_pool.h"
#include "tensor/cache.h"

namespace weir {

// What a model's cache has to hold. The layers of multi-token prediction modules are not cached.
CacheWidths cache_widths(const ModelConfig& config);

// Bytes of `positions` positions, in whole pages; 0 for a form or type that the model can not use.
double cache_bytes(const ModelConfig& config, CacheForm form, CacheType type, int64_t positions);

// A page holds 32 positions of all layers (tensor/cache_layout.h) and nothing that depends on where
// it is: its bytes may be copied, and kept elsewhere, as they are.
class KvCache final : public Cache {
 public:
  // `bytes_max` limits the pages of all sequences together. The cache keeps the memory it took from
  // the system. Fails for a latent cache of a model without latent attention, and for a type that
  // does not suit the widths of the model.
  static Result<KvCache> create(const ModelConfig& config, CacheForm form, size_t bytes_max,
                                CacheType type = CacheType::f32);

  CacheForm form() const override { return layout_->form; }
  CacheType type() const { return layout_->type; }
  CacheView view(int layer, int sequence) override;
  const Matrix* absorbed(int layer) const override {
    return absorbed_ ? absorbed_->of(layer) : nullptr;
  }
  // Weights that latent attention may read instead of the model's (absorbed_weights.h).
  void set_absorbed(std::shared_ptr<const AbsorbedWeights> absorbed) {
    absorbed_ = std::move(absorbed);
  }

  // Takes the pages for positions [0, positions) of a sequence. Rows below its length stay; rows
  // beyond are uninitialised and may be written; a shared page among them is copied first. On an
  // error, which names the bytes needed and the limit, nothing has changed.
  Result<void> reserve(int sequence, int positions);
  // Gives back all pages of a sequence.
  void release(int sequence);
  // `to` gives up its pages and gets the first `positions` positions of `from`: whole pages are
  // shared, the rest is copied into a page of its own. Without a free one it fails, and `to` is
  // empty. Neither may write below `positions` without truncating and reserving first.
  Result<void> fork(int from, int to, int positions);
  // Forgets positions from `positions` on; keeps their pages.
  void truncate(int sequence, int positions);
  // Gives back the pages beyond the length.
  void trim(int sequence);
  // Pages by their number, for who keeps them beyond a sequence (prefix_cache.h). A page is free
  // again when as many users have dropped it as there were.
  int page(int sequence, int at) const { return sequences_[size_t(sequence)].pages[size_t(at)]; }
  void* page_data(int page) const { return pool_.data(page); }
  void share_page(int page) { pool_.share(page); }
  void drop_page(int page) { pool_.drop(page); }
  // The sequence gives up its pages and begins with these, which others have too.
  void adopt(int sequence, std::span<const int> pages);
  // Takes a page with the same rows in the place of its own.
  void exchange(int sequence, int at, int page);

  // Pages that reserve() would take, and those that are left.
  int pages_to_take(int sequence, int positions) const;
  int64_t pages_free() const { return int64_t(pool_.pages_max() - pool_.in_use()); }

  // Positions reserved and not truncated; 0 for unknown sequences.
  int length(int sequence) const;
  int capacity(int sequence) const;
  // Of all pages in use; a shared page counts once.
  size_t bytes() const { return pool_.in_use() * pool_.page_bytes(); }
  size_t bytes_max() const { return bytes_max_; }
  // The raw bytes of the page that holds positions [32 * page, 32 * page + 32) of a sequence.
  std::span<std::byte> page_bytes(int sequence, int page);
  size_t page_size() const { return pool_.page_bytes(); }
  // Of a sequence that shares no page.
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
  // Whether the page exists and no other sequence shares it.
  bool is_own(const Sequence& sequence, size_t at) const;
  void replace(Sequence& sequence, size_t at, int page);

  int layers_ = 0;
  std::unique_ptr<const CacheLayout> layout_;  // views point to it
  std::shared_ptr<const AbsorbedWeights> absorbed_;
  int context_ = 0;
  size_t bytes_max_ = 0;
  PagePool pool_;
  std::vector<Sequence> sequences_;
};

}  // namespace weir
