// The loops of AVX2 and FMA.
#include "kernels/peak/peak_entries.h"

#if defined(__AVX2__) && defined(__FMA__)
#include <immintrin.h>

#include "kernels/peak/peak_sums-inl.h"

namespace weir {
namespace {

void fma(int64_t turns) {
  const auto a = _mm256_set1_ps(1.f), b = _mm256_set1_ps(0.5f);
  WEIR_SUMS(_mm256_setzero_ps());
#define WEIR_STEP(s) asm volatile("vfmadd231ps %2, %1, %0" : "+v"(s) : "v"(a), "v"(b))
  for (int64_t i = 0; i < turns; ++i) {
    WEIR_TWELVE(WEIR_STEP);
  }
#undef WEIR_STEP
}
constexpr double kFma = 12 * 8 * 2;

// 16-bit factors: pairs of products are summed, and the sums added.
void madd(int64_t turns) {
  const auto a = _mm256_set1_epi16(3), b = _mm256_set1_epi16(5);
  WEIR_SUMS(_mm256_setzero_si256());
#define WEIR_STEP(s)            \
  asm volatile(                 \
      "vpmaddwd %3, %2, %1\n\t" \
      "vpaddd %1, %0, %0"       \
      : "+v"(s), "=&v"(pairs)   \
      : "v"(a), "v"(b))
  auto pairs = _mm256_setzero_si256();
  for (int64_t i = 0; i < turns; ++i) {
    WEIR_TWELVE(WEIR_STEP);
  }
#undef WEIR_STEP
}
constexpr double kMadd = 12 * 16 * 2;

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
