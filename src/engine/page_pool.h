// Reference-counted pages of one size: the memory of the key/value cache.
#pragma once
#include <cstddef>
#include <vector>

#include "tensor/buffer.h"

namespace weir {

class PagePool {
 public:
  PagePool() = default;
  // At most `pages_max` pages are in use at a time. `page_bytes` is a multiple of 64.
  PagePool(size_t page_bytes, size_t pages_max) : page_bytes_(page_bytes), pages_max_(pages_max) {}

  size_t page_bytes() const { return page_bytes_; }
  size_t in_use() const { return in_use_; }
  size_t pages_max() const { return pages_max_; }

  // A page with one user and uninitialised contents. CHECKs that one is free.
  int take();
  // One more user, one less.
  void share(int page) { ++pages_[size_t(page)].users; }
  void drop(int page);
  bool is_shared(int page) const { return pages_[size_t(page)].users > 1; }
  float* data(int page) const { return pages_[size_t(page)].data; }

 private:
  struct Page {
    float* data;
    int users;
  };
  void grow();

  size_t page_bytes_ = 0, pages_max_ = 0, in_use_ = 0;
  std::vector<Page> pages_;
  std::vector<int> free_;       // a stack: the page used last is taken first
  std::vector<Buffer> chunks_;  // never given back to the system
};

}  // namespace weir
