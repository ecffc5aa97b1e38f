// What the kernel tests share: buffers that end at a forbidden page, awkward numbers, comparison by
// bits, and the list of tables this machine can run.
#pragma once
#include <gtest/gtest.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cmath>
#include <cstring>
#include <vector>

#include "base/check.h"
#include "base/random.h"
#include "kernels/kernels.h"

namespace weir {

// n elements whose end is the end of readable memory: reading or writing one more is a fault.
template <class T>
class Guarded {
 public:
  explicit Guarded(size_t n) : size_(n) {
    const size_t page = size_t(sysconf(_SC_PAGESIZE));
    const size_t used = (n * sizeof(T) + page - 1) / page * page;
    bytes_ = used + page;
    void* p = mmap(nullptr, bytes_, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    CHECK(p != MAP_FAILED);
    base_ = static_cast<char*>(p);
    CHECK_EQ(mprotect(base_ + used, page, PROT_NONE), 0);
    data_ = reinterpret_cast<T*>(base_ + used) - n;
  }
  Guarded(const Guarded& other) : Guarded(other.size_) {
    for (size_t i = 0; i < size_; ++i) data_[i] = other.data_[i];
  }
  Guarded& operator=(const Guarded&) = delete;
  ~Guarded() { munmap(base_, bytes_); }

  T* data() { return data_; }
  const T* data() const { return data_; }
  size_t size() const { return size_; }
  T& operator[](size_t i) { return data_[i]; }
  const T& operator[](size_t i) const { return data_[i]; }

 private:
  size_t size_, bytes_;
  char* base_;
  T* data_;
};

using Floats = Guarded<float>;

inline Floats normals(Random& random, size_t n, float size = 1) {
  Floats x(n);
  for (size_t i = 0; i < n; ++i) x[i] = size * random.normal();
  return x;
}

// Mostly ordinary, some zeros of both signs, denormals and large values; with `special` also
// infinities and NaN.
inline Floats awkward(Random& random, size_t n, bool special = false) {
  Floats x = normals(random, n);
  for (size_t i = 0; i < n; ++i) {
    switch (random.below(special ? 24 : 16)) {
      case 0:
        x[i] = 0;
        break;
      case 1:
        x[i] = -0.0f;
        break;
      case 2:
        x[i] *= 1e-41f;
        break;
      case 3:
        x[i] *= 1e18f;
        break;
      case 4:
        x[i] *= 1e-20f;
        break;
      case 16:
        x[i] = INFINITY;
        break;
      case 17:
        x[i] = -INFINITY;
        break;
      case 18:
        x[i] = NAN;
        break;
      default:
        break;
    }
  }
  return x;
}

inline uint32_t bits(float x) {
  uint32_t b;
  std::memcpy(&b, &x, sizeof b);
  return b;
}

// Equal bits; any NaN equals any NaN, because which operand's payload survives is the compiler's
// choice of operand order.
inline bool same(float a, float b) {
  return bits(a) == bits(b) || (std::isnan(a) && std::isnan(b));
}
inline testing::AssertionResult same(const Floats& a, const Floats& b) {
  if (a.size() != b.size()) return testing::AssertionFailure() << "sizes differ";
  for (size_t i = 0; i < a.size(); ++i)
    if (!same(a[i], b[i]))
      return testing::AssertionFailure()
             << "element " << i << " of " << a.size() << ": " << a[i] << " and " << b[i];
  return testing::AssertionSuccess();
}

// Every table this machine can run except the scalar one, which is the reference.
inline std::vector<const Kernels*> fast_tables() {
  std::vector<const Kernels*> tables;
  for (const Kernels* t :
       {avx2_kernels(), avxvnni_kernels(), avx512_kernels(), avx512vnni_kernels(), amx_kernels()})
    if (t) tables.push_back(t);
  return tables;
}
inline std::vector<const Kernels*> all_tables() {
  std::vector<const Kernels*> tables = fast_tables();
  tables.insert(tables.begin(), scalar_kernels());
  return tables;
}

}  // namespace weir
