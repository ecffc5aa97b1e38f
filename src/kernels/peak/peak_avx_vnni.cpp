// The loop of AVX-VNNI: dot products of bytes in 256 bits, without AVX-512.
#include "kernels/peak/peak_entries.h"

#if defined(__AVX2__)
#include <immintrin.h>

#include "kernels/peak/peak_sums-inl.h"

namespace weir {
namespace {

void vnni(int64_t turns) {
  const auto a = _mm256_set1_epi8(3), b = _mm256_set1_epi8(5);
  WEIR_SUMS(_mm256_setzero_si256());
#define WEIR_STEP(s) asm volatile("%{vex%} vpdpbusd %2, %1, %0" : "+v"(s) : "v"(a), "v"(b))
  for (int64_t i = 0; i < turns; ++i) {
    WEIR_TWELVE(WEIR_STEP);
  }
#undef WEIR_STEP
}
constexpr double kVnni = 12 * 32 * 2;

}  // namespace
const PeakEntry kVnniAvx = {vnni, kVnni};
}  // namespace weir
#else
namespace weir {
const PeakEntry kVnniAvx = {nullptr, 0};
}  // namespace weir
#endif
