// What attention remembers of earlier tokens, as the operations see it. Owned and grown by the
// model layer (model/kv_cache.h); an operation asks for the storage of one layer and sequence.
#pragma once
#include <cstddef>

namespace weir {

// Keys and values per head ("expanded"): keys in panels [position / 32][key_width][32] so that
// decoding walks them exactly as training does, values as rows [position][value_width]. Latent rows
// ("latent", MLA only): [position][rank + rope].
struct CacheView {
  float* keys = nullptr;    // head h at keys + h * key_head_stride
  float* values = nullptr;  // head h at values + h * value_head_stride
  size_t key_head_stride = 0, value_head_stride = 0;
  float* latent = nullptr;  // position p at latent + p * latent_stride
  size_t latent_stride = 0;
  int capacity = 0;  // positions, a multiple of 32
};

enum class CacheForm { expanded, latent };

class Cache {
 public:
  virtual ~Cache() = default;
  virtual CacheForm form() const = 0;
  // The view of one layer of one sequence, with room for positions up to its reserved length.
  virtual CacheView view(int layer, int sequence) = 0;
};

}  // namespace weir
