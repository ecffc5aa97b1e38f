#include "base/arena.h"

#include <sys/mman.h>

#include <new>

namespace weir {

Arena::Arena(size_t bytes) : size_(bytes) {
  void* p = mmap(nullptr, bytes, PROT_READ | PROT_WRITE,
                 MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  if (p == MAP_FAILED) throw std::bad_alloc();  // main reports it
  madvise(p, bytes, MADV_HUGEPAGE);
  base_ = static_cast<char*>(p);
}

Arena::~Arena() { munmap(base_, size_); }

}  // namespace weir
