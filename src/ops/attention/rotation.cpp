#include "ops/attention/rotation.h"

#include <cmath>
#include <cstring>

namespace weir {
namespace {

// Four floats of the processor's least common vector: every x86-64 and ARM64 has it.
using Four = float __attribute__((vector_size(16)));

inline Four load(const float* p) {
  Four x;
  std::memcpy(&x, p, sizeof x);
  return x;
}
inline void store(float* p, Four x) { std::memcpy(p, &x, sizeof x); }

// Multiplies by the Hadamard matrix of n = 2^k >= 16: sums and differences at every distance.
void transform(float* x, int n) {
  for (int i = 0; i < n; i += 4) {
    const float a = x[i] + x[i + 1], b = x[i] - x[i + 1];
    const float c = x[i + 2] + x[i + 3], d = x[i + 2] - x[i + 3];
    x[i] = a + c, x[i + 1] = b + d, x[i + 2] = a - c, x[i + 3] = b - d;
  }
  for (int distance = 4; distance < n; distance *= 2)
    for (int begin = 0; begin < n; begin += 2 * distance)
      for (int i = begin; i < begin + distance; i += 4) {
        const Four a = load(x + i), b = load(x + i + distance);
        store(x + i, a + b);
        store(x + i + distance, a - b);
      }
  const float factor = 1 / std::sqrt(float(n));
  for (int i = 0; i < n; ++i) x[i] *= factor;
}

// Sign i of every part: one bit of a mixed counter (the finalizer of MurmurHash3).
bool is_negative(uint32_t i) {
  i = (i ^ i >> 16) * 0x85ebca6bu;
  i = (i ^ i >> 13) * 0xc2b2ae35u;
  return (i ^ i >> 16) & 1;
}

struct Signs {
  float sign[512];
  Signs() {
    for (uint32_t i = 0; i < 512; ++i) sign[i] = is_negative(i + 1) ? -1.f : 1.f;
  }
};

void turn_signs(float* x, int n) {
  static const Signs signs;
  for (int i = 0; i < n; ++i) x[i] *= signs.sign[i];
}

}  // namespace

void rotate(const CacheVector& vector, float* x) {
  for (int p = 0; p < vector.parts; x += vector.part[p++]) {
    turn_signs(x, vector.part[p]);
    transform(x, vector.part[p]);
  }
}

void rotate_back(const CacheVector& vector, float* x) {
  for (int p = 0; p < vector.parts; x += vector.part[p++]) {
    transform(x, vector.part[p]);
    turn_signs(x, vector.part[p]);
  }
}

}  // namespace weir
