// Counter-based random numbers: value i of stream s under seed k is a pure function of (k, s, i).
// No state to share between threads, and a resumed run continues from the counter alone.
// The mixer is the SplitMix64 finaliser (Steele, Lea, Flood 2014), applied twice.
#pragma once
#include <cmath>
#include <cstdint>

namespace weir {

inline uint64_t mix64(uint64_t z) {
  z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
  z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
  return z ^ (z >> 31);
}

class Random {
 public:
  Random(uint64_t seed, uint64_t stream, uint64_t counter = 0)
      : key_(mix64(mix64(seed + 0x9e3779b97f4a7c15u) ^ (stream * 0xd1342543de82ef95u + 1))),
        counter_(counter) {}

  uint64_t next() { return mix64(key_ + 0x9e3779b97f4a7c15u * ++counter_); }
  // [0, 1) with 24 bits, so that it is exact in f32.
  float uniform() { return float(next() >> 40) * 0x1p-24f; }
  // [0, n), without bias (Lemire 2018, multiply and reject).
  uint64_t below(uint64_t n) {
    for (;;) {
      __extension__ using Wide = unsigned __int128;
      Wide m = Wide(next()) * n;
      if (uint64_t(m) >= -n % n) return uint64_t(m >> 64);
    }
  }
  // Standard normal, Box-Muller; the second value is not kept, so the counter alone is the state.
  float normal() {
    double u = (double(next() >> 11) + 1) * 0x1p-53, v = double(next() >> 11) * 0x1p-53;
    return float(std::sqrt(-2 * std::log(u)) * std::cos(6.283185307179586 * v));
  }
  uint64_t counter() const { return counter_; }

 private:
  uint64_t key_, counter_;
};

}  // namespace weir
