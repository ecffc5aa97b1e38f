// What attention remembers of earlier tokens, as the operations see it. Owned by the model layer
// (engine/kv_cache.h); an operation asks for the storage of one layer and sequence.
#pragma once
#include <cstddef>
#include <cstdint>

#include "tensor/cache_layout.h"

namespace weir {

struct Matrix;

// One layer of one sequence: position p is in pages[p / 32], at p % 32 (Kwon et al. 2023,
// PagedAttention). Sequences that begin alike share pages, so equal pointers mean equal rows; a
// position may be written only in a page that no other sequence has. What lies where in a page says
// cache_layout.h; the accessors below that return floats are those of the type f32.
struct CacheView {
  float* const* pages = nullptr;        // [capacity / 32]; valid until the cache changes
  float* const* recent = nullptr;       // compressed: as `pages`; null where nobody needs the rows
  const CacheLayout* layout = nullptr;  // null: f32, and the offsets below are all
  size_t layer_offset = 0;              // floats from the beginning of a page
  size_t head_stride = 0;               // expanded: from one head's keys to the next head's
  size_t value_offset = 0;              // expanded: from a head's keys to its values
  size_t latent_stride = 0;             // latent, f32: between positions
  size_t index_offset = 0;              // from the beginning of a page to the indexer's keys
  int capacity = 0;                     // positions, a multiple of 32
  int layer = 0;

  CacheType type() const { return layout ? layout->type : CacheType::f32; }
  float* keys(int page, int head) const {
    return pages[page] + layer_offset + size_t(head) * head_stride;
  }
  float* values(int page, int head) const { return keys(page, head) + value_offset; }
  float* index_keys(int page) const { return pages[page] + index_offset; }
  // The rows of a page, latent.
  float* latents(int page) const { return pages[page] + layer_offset; }
  float* latent(int position) const {
    return latents(position / kCachePage) + size_t(position % kCachePage) * latent_stride;
  }
};

// The view of a layer over the pages of a sequence. `recent`: of the compressed form.
CacheView view_of(const CacheLayout& layout, int layer, float* const* pages, int capacity,
                  float* const* recent = nullptr);

class Cache {
 public:
  virtual ~Cache() = default;
  virtual CacheForm form() const = 0;
  // The view of one layer of one sequence, with room for positions up to its reserved length.
  virtual CacheView view(int layer, int sequence) = 0;
  // kv_b of a layer in f16, made once for absorbed attention that need not be exact; null: none.
  virtual const Matrix* absorbed(int) const { return nullptr; }
};

}  // namespace weir
