// Bump allocator for one forward (or forward + backward) pass: reset() between passes, rewind() for
// scratch inside an operation and for the temporaries of a block (last in, first out). Address
// space is reserved once and pages are touched on first use.
#pragma once
#include <cstddef>

#include "base/check.h"

namespace weir {

class Arena {
 public:
  // Reserves `bytes` of address space. Ends the process when the system has none.
  explicit Arena(size_t bytes);
  // An arena of 256 GiB that may be read (as zeros) and not written: a dry run takes what the
  // real one would, and peak() says how much. A write ends the process with SIGSEGV.
  struct Measuring {};
  explicit Arena(Measuring);
  ~Arena();
  Arena(const Arena&) = delete;
  Arena& operator=(const Arena&) = delete;

  // 64-byte aligned, uninitialised. Reaching the end is a CHECK: callers size batches beforehand.
  void* take(size_t bytes) {
    size_t begin = (used_ + 63) / 64 * 64;
    CHECK_LE(begin, size_);
    CHECK_LE(bytes, size_ - begin);
    used_ = begin + bytes;
    if (used_ > peak_) peak_ = used_;
    return base_ + begin;
  }
  template <class T>
  T* array(size_t n) {
    CHECK_LE(n, size_ / sizeof(T));
    return static_cast<T*>(take(n * sizeof(T)));
  }
  float* floats(size_t n) { return array<float>(n); }

  size_t used() const { return used_; }
  size_t peak() const { return peak_; }
  size_t size() const { return size_; }
  void rewind(size_t mark) {
    CHECK_LE(mark, used_);
    used_ = mark;
  }
  void reset() { used_ = 0; }
  void reset_peak() { peak_ = used_; }

 private:
  Arena(size_t bytes, int protection);

  char* base_;
  size_t size_, used_ = 0, peak_ = 0;
};

// Gives back what was taken since it was made.
class ArenaScope {
 public:
  explicit ArenaScope(Arena& arena) : arena_(arena), mark_(arena.used()) {}
  ~ArenaScope() { arena_.rewind(mark_); }
  ArenaScope(const ArenaScope&) = delete;
  ArenaScope& operator=(const ArenaScope&) = delete;

 private:
  Arena& arena_;
  size_t mark_;
};

}  // namespace weir
