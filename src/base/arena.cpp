#include "base/arena.h"

#include <sys/mman.h>

#include <new>

namespace weir {

Arena::Arena(size_t bytes, int protection) : size_(bytes) {
  void* p = mmap(nullptr, bytes, protection, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  if (p == MAP_FAILED) throw std::bad_alloc();  // main reports it
  base_ = static_cast<char*>(p);
}

Arena::Arena(size_t bytes) : Arena(bytes, PROT_READ | PROT_WRITE) {
  madvise(base_, bytes, MADV_HUGEPAGE);
}

Arena::Arena(Measuring) : Arena(size_t(1) << 38, PROT_READ) {}

Arena::~Arena() { munmap(base_, size_); }

}  // namespace weir
