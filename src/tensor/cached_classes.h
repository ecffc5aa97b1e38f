// The classes of tokens (ops/ngram_ops.h) in a cache: 32 whole numbers at the end of every page or,
// with compressed attention, of its recent piece. So they are copied, shared, cut back and stored
// with the rows of their positions.
#pragma once
#include <cstddef>
#include <cstdint>

#include "base/check.h"
#include "tensor/cache.h"

namespace weir {

constexpr size_t kCachedClassBytes = kCachePage * sizeof(int32_t);

// Makes room for them in a layout that has none yet.
inline void add_cached_classes(CacheLayout& layout) {
  (layout.form == CacheForm::compressed ? layout.recent_bytes : layout.page_bytes) +=
      kCachedClassBytes;
}

// That of one position of a sequence.
inline int32_t* cached_class(const CacheView& view, int position) {
  CHECK(view.layout != nullptr);
  const CacheLayout& layout = *view.layout;
  const bool is_compressed = layout.form == CacheForm::compressed;
  float* piece = (is_compressed ? view.recent : view.pages)[position / kCachePage];
  CHECK(piece != nullptr);
  const size_t end = is_compressed ? layout.recent_bytes : layout.page_bytes;
  auto* classes =
      reinterpret_cast<int32_t*>(reinterpret_cast<std::byte*>(piece) + end - kCachedClassBytes);
  return classes + position % kCachePage;
}

}  // namespace weir
