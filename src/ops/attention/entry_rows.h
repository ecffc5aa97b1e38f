// Where the rows of a segment are that compressed attention reads: in the batch, or in the pages of
// its sequence. Private to the operations of window_ops.h.
#pragma once
#include <cstddef>
#include <cstring>

#include "ops/attention/row_codes.h"
#include "ops/window_ops.h"
#include "tensor/cache.h"

namespace weir {

// What entries are made of, of one sequence in its recent pieces, [positions][width].
class PagedRows {
 public:
  PagedRows() = default;
  PagedRows(const CacheView& view, size_t offset, int width)
      : view_(view), offset_(offset), width_(size_t(width)) {}
  float* row(int position) const {
    return view_.recent[position / kCachePage] + offset_ + size_t(position % kCachePage) * width_;
  }

 private:
  CacheView view_;
  size_t offset_ = 0, width_ = 0;
};

// Rows in the cache's own format (row_codes.h), `count` of them one behind another.
struct StoredRows {
  const RowFormat* format;
  std::byte* data;
  int count;
  void read(int rows, float* to) const {
    const size_t bytes = format->bytes(), width = size_t(format->width);
    if (format->numbers == RowNumbers::f32) {
      std::memcpy(to, data, bytes * size_t(rows));
      return;
    }
    for (int i = 0; i < rows; ++i)
      decode_row(*format, data + bytes * size_t(i), to + width * size_t(i));
  }
};

// The rows of the window, from a position on.
inline StoredRows window_rows(const CacheView& view, int position) {
  const CompressedLayer& layer = view.layout->compressed[size_t(view.layer)];
  auto* page = reinterpret_cast<std::byte*>(view.recent[position / kCachePage] + layer.rows);
  const int place = position % kCachePage;
  return {&layer.row_format, page + layer.row_format.bytes() * size_t(place), kCachePage - place};
}

// Entries, or their index keys, in the pages.
class PagedEntries {
 public:
  PagedEntries() = default;
  PagedEntries(const CacheView& view, bool is_index)
      : view_(view), layer_(&view.layout->compressed[size_t(view.layer)]), is_index_(is_index) {}
  // From an entry on.
  StoredRows at(int entry) const {
    const RowFormat& format = is_index_ ? layer_->key_format : layer_->entry_format;
    const int place = layer_->place_of(entry);
    auto* page = reinterpret_cast<std::byte*>(view_.pages[layer_->page_of(entry)] +
                                              (is_index_ ? layer_->index_keys : layer_->entries));
    return {&format, page + format.bytes() * size_t(place), layer_->entries_per_page() - place};
  }

 private:
  CacheView view_;
  const CompressedLayer* layer_ = nullptr;
  bool is_index_ = false;
};

inline const CompressedLayer& compressed_layer(const CacheView& view) {
  return view.layout->compressed[size_t(view.layer)];
}

// Position of row `i` of a segment, and the positions that its last row sees.
inline int first_position(const Run& run, const Segment& s) {
  return run.cache ? s.position : s.shared();
}
inline int positions_seen(const Run& run, const Segment& s) {
  return first_position(run, s) + s.count;
}
// The entries that a pass makes of a segment: [first, end).
inline int first_entry(const Run& run, const Segment& s, int ratio) {
  return run.cache ? s.position / ratio : 0;
}
inline int end_entry(const Run& run, const Segment& s, int ratio) {
  return positions_seen(run, s) / ratio;
}
// Segments by row.
inline int segment_of(const Batch& batch, int row) {
  const auto& all = batch.segments();
  int low = 0, high = int(all.size()) - 1;
  while (low < high) {
    const int middle = (low + high + 1) / 2;
    if (all[size_t(middle)].begin <= row)
      low = middle;
    else
      high = middle - 1;
  }
  return low;
}

}  // namespace weir
