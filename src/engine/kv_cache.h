// Memory of earlier tokens for any number of sequences: keys and values per head, or MLA's latent
// rows. Attention writes the rows itself (tensor/cache.h); this file owns, limits and shares them.
#pragma once
#include <algorithm>
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
// Of one such module's cache: a single layer, which in compressed attention has the window alone.
ModelConfig further_config(const ModelConfig& config);

// Bytes of `positions` positions, in whole pages; 0 for a form or type that the model can not use.
// Without what only the next positions need: recent_bytes().
double cache_bytes(const ModelConfig& config, CacheForm form, CacheType type, int64_t positions);
// What a sequence of a model with compressed attention has besides, however long it is; else 0.
double recent_bytes(const ModelConfig& config, CacheType type);

// A page holds 32 positions of all layers (tensor/cache_layout.h) and nothing that depends on where
// it is: its bytes may be copied, and kept elsewhere, as they are.
//
// With compressed attention the page of the newest positions has a second, *recent* piece, with the
// rows of the window and what open entries are made of. slide() gives it back when no next position
// needs it. A sequence can be continued at a position, and be cut back to it, while the pages of
// the layout's `kept` positions before it have theirs; pages and recent pieces are shared alike.
class KvCache final : public Cache {
 public:
  // `bytes_max` limits the pages of all sequences together. The cache keeps the memory it took from
  // the system. `rows_max`: new positions of a sequence between two calls of slide(). Fails for a
  // latent cache of a model without latent attention, and for a type that does not suit the widths
  // of the model.
  static Result<KvCache> create(const ModelConfig& config, CacheForm form, size_t bytes_max,
                                CacheType type = CacheType::f32, int rows_max = 256);

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
  // The same without recent pieces, which open_rows() takes before positions [begin, end) are
  // written.
  Result<void> reserve_pages(int sequence, int positions);
  void open_rows(int sequence, int begin, int end);
  // Positions [0, computed) have their rows, and none of them will be cut off: gives back the
  // recent pieces that no later position needs.
  void slide(int sequence, int computed);
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
  // Pages and recent pieces (-1: none) by their numbers, for who keeps them beyond a sequence
  // (prefix_cache.h). One is free again when as many users have dropped it as there were.
  int page(int sequence, int at) const { return sequences_[size_t(sequence)].pages[size_t(at)]; }
  int recent(int sequence, int at) const {
    return sequences_[size_t(sequence)].recents[size_t(at)];
  }
  std::span<std::byte> page_data(int page) const {
    return std::as_writable_bytes(
        std::span(pool_.data(page), pool_.bytes_of(page) / sizeof(float)));
  }
  bool is_shared(int page) const { return pool_.is_shared(page); }
  void share_page(int page) { pool_.share(page); }
  void drop_page(int page) { pool_.drop(page); }
  // The sequence gives up its pages and begins with these, which others have too. `recents`: of
  // each, -1 where there is none; empty: of none.
  void adopt(int sequence, std::span<const int> pages, std::span<const int> recents = {});
  // Takes a page with the same rows in the place of its own.
  void exchange(int sequence, int at, int page);
  // The first page whose recent piece is needed to continue at a position; without compressed
  // attention the page of that position.
  int first_recent_page(int position) const;
  bool has_recents() const { return layout_->recent_bytes > 0; }
  size_t recent_bytes() const { return layout_->recent_bytes; }

  // Memory that reserve_pages() and the open_rows() after it would take, and what is left.
  int64_t bytes_to_take(int sequence, int positions) const;
  int64_t bytes_free() const;
  // Of the largest page with its recent piece; of the smallest without.
  size_t page_bytes_most() const;
  size_t page_bytes_least() const { return layout_->page_bytes; }

  // Positions reserved and not truncated; 0 for unknown sequences.
  int length(int sequence) const;
  int capacity(int sequence) const;
  // Of all pages in use; a shared page counts once.
  size_t bytes() const { return pool_.bytes_in_use(); }
  size_t bytes_max() const { return bytes_max_; }
  // The raw bytes of the page that holds positions [32 * page, 32 * page + 32) of a sequence.
  std::span<std::byte> page_bytes(int sequence, int page);
  // Of a sequence that shares no page.
  size_t bytes_for(int positions) const;
  // The last position in (0, positions] that a sequence can be continued at; 0: there is none.
  int continues_at(int sequence, int positions) const;
  // The longest sequence that an empty cache holds, by memory and by the model's context.
  int positions_max() const;

 private:
  struct Sequence {
    std::vector<int> pages, recents;        // recents: -1 where there is none
    std::vector<float*> data, recent_data;  // of the pages; null
    int length = 0;
    int held = 0;  // recent pieces
    int slid = 0;  // pages before this one have none
  };
  KvCache() = default;
  // Whether the page exists and no other sequence shares it.
  bool is_own(const Sequence& sequence, size_t at) const;
  void replace(Sequence& sequence, size_t at, int page);
  void set_recent(Sequence& sequence, size_t at, int page);
  size_t page_bytes_at(int page) const {
    return layout_->is_long(page) ? layout_->long_page_bytes : layout_->page_bytes;
  }
  int64_t pages_bytes(int begin, int end) const;
  // Recent pieces that a sequence of so many positions may come to hold, and may take still.
  int recents_for(int positions) const;
  int owed(const Sequence& s) const { return std::max(0, recents_for(s.length) - s.held); }
  void set_length(Sequence& sequence, int length);

  int layers_ = 0;
  std::unique_ptr<const CacheLayout> layout_;  // views point to it
  std::shared_ptr<const AbsorbedWeights> absorbed_;
  int context_ = 0, rows_max_ = 0;
  size_t bytes_max_ = 0;
  PagePool pool_;
  std::vector<Sequence> sequences_;
  int owed_ = 0;  // recent pieces that sequences may take still
};

}  // namespace weir
