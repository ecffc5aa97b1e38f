// Reference-counted pages of a few sizes: the memory of the key/value cache.
#pragma once
#include <cstddef>
#include <utility>
#include <vector>

#include "tensor/buffer.h"

namespace weir {

class PagePool {
 public:
  PagePool() = default;
  // Sizes are multiples of 64; a page's kind is the index of its size. `bytes_max` bounds how much
  // memory is taken from the system at once, not how many pages are in use: callers see to that.
  PagePool(std::vector<size_t> sizes, size_t bytes_max)
      : sizes_(std::move(sizes)), bytes_max_(bytes_max), free_(sizes_.size()) {}

  size_t bytes_of(int page) const { return sizes_[size_t(pages_[size_t(page)].kind)]; }
  size_t bytes_in_use() const { return bytes_in_use_; }

  // A page with one user and uninitialised contents.
  int take(int kind = 0);
  // One more user, one less.
  void share(int page) { ++pages_[size_t(page)].users; }
  void drop(int page);
  bool is_shared(int page) const { return pages_[size_t(page)].users > 1; }
  float* data(int page) const { return pages_[size_t(page)].data; }

 private:
  struct Page {
    float* data;
    int users, kind;
  };
  void grow(int kind);

  std::vector<size_t> sizes_;
  size_t bytes_max_ = 0, bytes_in_use_ = 0, bytes_taken_ = 0;
  std::vector<Page> pages_;
  std::vector<std::vector<int>> free_;  // stacks: the page used last is taken first
  std::vector<Buffer> chunks_;          // never given back to the system
};

}  // namespace weir
