#include "base/arena.h"

#include <sys/mman.h>

#include <new>

namespace weir {
namespace {

// Null when the system has no room.
char* map(size_t bytes, int protection) {
  void* p = mmap(nullptr, bytes, protection, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  return p == MAP_FAILED ? nullptr : static_cast<char*>(p);
}

}  // namespace

Arena::Arena(size_t bytes) : base_(map(bytes, PROT_READ | PROT_WRITE)), size_(bytes) {
  if (!base_) throw std::bad_alloc();  // main reports it
  madvise(base_, bytes, MADV_HUGEPAGE);
}

Arena::Arena(Measuring) : size_(size_t(256) << 30) {
  constexpr size_t kSizeMin = size_t(64) << 20;
  while (!(base_ = map(size_, PROT_READ))) {  // under `ulimit -v`
    size_ /= 2;
    if (size_ < kSizeMin) throw std::bad_alloc();
  }
}

Arena::~Arena() { munmap(base_, size_); }

}  // namespace weir
