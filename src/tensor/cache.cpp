#include "tensor/cache.h"

namespace weir {

CacheView view_of(const CacheLayout& layout, int layer, float* const* pages, int capacity,
                  float* const* recent) {
  CacheView view;
  view.pages = pages;
  view.recent = recent;
  view.layout = &layout;
  view.capacity = capacity;
  view.layer = layer;
  if (layout.form == CacheForm::compressed) return view;
  view.layer_offset = size_t(layer) * layout.layer_bytes / sizeof(float);
  view.index_offset =
      (size_t(layout.layers) * layout.layer_bytes + size_t(layer) * layout.index_bytes) /
      sizeof(float);
  view.latent_stride = size_t(layout.key.width);
  view.head_stride = layout.head_bytes / sizeof(float);
  view.value_offset = layout.key.page_bytes() / sizeof(float);
  return view;
}

}  // namespace weir
