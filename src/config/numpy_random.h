// The whole numbers that NumPy's default_rng draws (SeedSequence and PCG64 of O'Neill 2014,
// XSL-RR), where a file format is defined by them.
#pragma once
#include <cstdint>

namespace weir {

class NumpyRandom {
 public:
  // numpy.random.default_rng(seed), of a seed below 2^32.
  explicit NumpyRandom(uint32_t seed);
  // One of Generator.integers(0, bound, dtype=int64); `bound` is above 2^32, below which NumPy
  // draws in another way.
  int64_t below(uint64_t bound);

 private:
  uint64_t next();
  __extension__ using Wide = unsigned __int128;
  Wide state_ = 0, increment_ = 0;
};

}  // namespace weir
