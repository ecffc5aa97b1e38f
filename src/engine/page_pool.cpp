#include "engine/page_pool.h"

#include <algorithm>

#include "base/check.h"

namespace weir {
namespace {

// Sizes of chunks double within these bounds; a page may be larger than both.
constexpr size_t kChunkMin = size_t(1) << 20, kChunkMax = size_t(64) << 20;

}  // namespace

int PagePool::take() {
  CHECK(in_use_ < pages_max_);
  if (free_.empty()) grow();
  const int page = free_.back();
  free_.pop_back();
  pages_[size_t(page)].users = 1;
  ++in_use_;
  return page;
}

void PagePool::drop(int page) {
  CHECK(pages_[size_t(page)].users > 0);
  if (--pages_[size_t(page)].users > 0) return;
  free_.push_back(page);
  --in_use_;
}

// Untouched parts of a chunk cost no memory.
void PagePool::grow() {
  const size_t bytes = std::clamp(pages_.size() * page_bytes_, kChunkMin, kChunkMax);
  const size_t count =
      std::min(std::max<size_t>(bytes / page_bytes_, 1), pages_max_ - pages_.size());
  Buffer& chunk = chunks_.emplace_back(count * page_bytes_);
  const size_t floats = page_bytes_ / sizeof(float);
  for (size_t i = count; i-- > 0;) free_.push_back(int(pages_.size() + i));
  for (size_t i = 0; i < count; ++i) pages_.push_back({chunk.floats() + i * floats, 0});
}

}  // namespace weir
