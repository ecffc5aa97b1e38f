#include "engine/page_pool.h"

#include <algorithm>

#include "base/check.h"

namespace weir {
namespace {

// Sizes of chunks double within these bounds; a page may be larger than both.
constexpr size_t kChunkMin = size_t(1) << 20, kChunkMax = size_t(64) << 20;

}  // namespace

int PagePool::take(int kind) {
  std::vector<int>& free = free_[size_t(kind)];
  if (free.empty()) grow(kind);
  const int page = free.back();
  free.pop_back();
  pages_[size_t(page)].users = 1;
  bytes_in_use_ += sizes_[size_t(kind)];
  return page;
}

void PagePool::drop(int page) {
  Page& p = pages_[size_t(page)];
  CHECK(p.users > 0);
  if (--p.users > 0) return;
  free_[size_t(p.kind)].push_back(page);
  bytes_in_use_ -= sizes_[size_t(p.kind)];
}

// Untouched parts of a chunk cost no memory.
void PagePool::grow(int kind) {
  const size_t page = sizes_[size_t(kind)];
  const size_t left = bytes_max_ - std::min(bytes_max_, bytes_taken_);
  const size_t bytes = std::min(std::clamp(bytes_taken_, kChunkMin, kChunkMax), left);
  const size_t count = std::max<size_t>(bytes / page, 1);
  Buffer& chunk = chunks_.emplace_back(count * page);
  bytes_taken_ += count * page;
  const size_t floats = page / sizeof(float);
  for (size_t i = count; i-- > 0;) free_[size_t(kind)].push_back(int(pages_.size() + i));
  for (size_t i = 0; i < count; ++i) pages_.push_back({chunk.floats() + i * floats, 0, kind});
}

}  // namespace weir
