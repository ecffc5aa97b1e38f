// What attention remembers of earlier tokens, as the operations see it. Owned by the model layer
// (engine/kv_cache.h); an operation asks for the storage of one layer and sequence.
#pragma once
#include <cstddef>

namespace weir {

// Positions of a page: as many as a panel of keys holds.
constexpr int kCachePage = 32;

enum class CacheForm { expanded, latent };

// One layer of one sequence: position p is in pages[p / 32], at p % 32 (Kwon et al. 2023,
// PagedAttention). Sequences that begin alike share pages, so equal pointers mean equal rows; a
// position may be written only in a page that no other sequence has.
//
// Keys and values per head ("expanded"): keys as a panel [key_width][32], so that decoding walks
// them exactly as training does, values as rows [32][value_width]. Or latent rows ("latent", MLA
// only): [32][rank + rope]. Beside either, the keys of a sparse-attention indexer, one per
// position, as a panel [index_width][32].
struct CacheView {
  float* const* pages = nullptr;  // [capacity / 32]; valid until the cache changes
  size_t layer_offset = 0;        // floats from the beginning of a page
  size_t head_stride = 0;         // expanded: from one head's keys to the next head's
  size_t value_offset = 0;        // expanded: from a head's keys to its values
  size_t latent_stride = 0;       // latent: between positions
  size_t index_offset = 0;        // from the beginning of a page to the indexer's keys
  int capacity = 0;               // positions, a multiple of 32

  float* keys(int page, int head) const {
    return pages[page] + layer_offset + size_t(head) * head_stride;
  }
  float* values(int page, int head) const { return keys(page, head) + value_offset; }
  float* index_keys(int page) const { return pages[page] + index_offset; }
  float* latent(int position) const {
    return pages[position / kCachePage] + layer_offset +
           size_t(position % kCachePage) * latent_stride;
  }
};

class Cache {
 public:
  virtual ~Cache() = default;
  virtual CacheForm form() const = 0;
  // The view of one layer of one sequence, with room for positions up to its reserved length.
  virtual CacheView view(int layer, int sequence) = 0;
};

}  // namespace weir
