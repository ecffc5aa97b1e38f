// The loops of AVX2 and FMA.
#include "kernels/peak/peak_entries.h"

#if defined(__AVX2__) && defined(__FMA__)
#include <immintrin.h>

namespace weir {
namespace {
using Floats = __m256;
using Integers = __m256i;
inline Floats fill_floats(float x) { return _mm256_set1_ps(x); }
inline Integers fill_words(short x) { return _mm256_set1_epi16(x); }
}  // namespace
}  // namespace weir

#include "kernels/peak/peak_loops-inl.h"

namespace weir {
namespace {

// 8-bit factors: sums of two products saturate at 16 bits, which kernels have to avoid.
void maddubs(int64_t turns) {
  const auto a = _mm256_set1_epi8(3), b = _mm256_set1_epi8(5), ones = _mm256_set1_epi16(1);
  WEIR_SUMS(_mm256_setzero_si256());
#define WEIR_STEP(s)              \
  asm volatile(                   \
      "vpmaddubsw %3, %2, %1\n\t" \
      "vpmaddwd %4, %1, %1\n\t"   \
      "vpaddd %1, %0, %0"         \
      : "+v"(s), "=&v"(pairs)     \
      : "v"(a), "v"(b), "v"(ones))
  auto pairs = _mm256_setzero_si256();
  for (int64_t i = 0; i < turns; ++i) {
    WEIR_TWELVE(WEIR_STEP);
  }
#undef WEIR_STEP
}
constexpr double kMaddubs = 12 * 32 * 2;

}  // namespace
const PeakEntry kFmaAvx2 = {fma, kFma};
const PeakEntry kMaddAvx2 = {madd, kMadd};
const PeakEntry kMaddubsAvx2 = {maddubs, kMaddubs};
}  // namespace weir
#else
namespace weir {
const PeakEntry kFmaAvx2 = {nullptr, 0};
const PeakEntry kMaddAvx2 = {nullptr, 0};
const PeakEntry kMaddubsAvx2 = {nullptr, 0};
}  // namespace weir
#endif
