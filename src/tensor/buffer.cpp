#include "tensor/buffer.h"

#include <sys/mman.h>

#include <new>

namespace weir {

Buffer::Buffer(size_t bytes) : size_(bytes) {
  if (bytes == 0) return;
  void* p = mmap(nullptr, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (p == MAP_FAILED) throw std::bad_alloc();  // as every other allocation; main says so
  if (bytes >= (size_t(4) << 20)) madvise(p, bytes, MADV_HUGEPAGE);
  data_ = static_cast<char*>(p);
}

Buffer::~Buffer() {
  if (data_) munmap(data_, size_);
}

}  // namespace weir
