// The loops of AVX-512 and of its VNNI.
#include "kernels/peak/peak_entries.h"

#if defined(__AVX512F__) && defined(__AVX512BW__)
#include <immintrin.h>

#include "kernels/peak/peak_sums-inl.h"

namespace weir {
namespace {

void fma(int64_t turns) {
  const auto a = _mm512_set1_ps(1.f), b = _mm512_set1_ps(0.5f);
  WEIR_SUMS(_mm512_setzero_ps());
#define WEIR_STEP(s) asm volatile("vfmadd231ps %2, %1, %0" : "+v"(s) : "v"(a), "v"(b))
  for (int64_t i = 0; i < turns; ++i) {
    WEIR_TWELVE(WEIR_STEP);
  }
#undef WEIR_STEP
}
constexpr double kFma = 12 * 16 * 2;

// 16-bit factors: pairs of products are summed, and the sums added.
void madd(int64_t turns) {
  const auto a = _mm512_set1_epi16(3), b = _mm512_set1_epi16(5);
  WEIR_SUMS(_mm512_setzero_si512());
#define WEIR_STEP(s)            \
  asm volatile(                 \
      "vpmaddwd %3, %2, %1\n\t" \
      "vpaddd %1, %0, %0"       \
      : "+v"(s), "=&v"(pairs)   \
      : "v"(a), "v"(b))
  auto pairs = _mm512_setzero_si512();
  for (int64_t i = 0; i < turns; ++i) {
    WEIR_TWELVE(WEIR_STEP);
  }
#undef WEIR_STEP
}
constexpr double kMadd = 12 * 32 * 2;

void vnni(int64_t turns) {
  const auto a = _mm512_set1_epi8(3), b = _mm512_set1_epi8(5);
  WEIR_SUMS(_mm512_setzero_si512());
#define WEIR_STEP(s) asm volatile("vpdpbusd %2, %1, %0" : "+v"(s) : "v"(a), "v"(b))
  for (int64_t i = 0; i < turns; ++i) {
    WEIR_TWELVE(WEIR_STEP);
  }
#undef WEIR_STEP
}
constexpr double kVnni = 12 * 64 * 2;

}  // namespace
const PeakEntry kFmaAvx512 = {fma, kFma};
const PeakEntry kMaddAvx512 = {madd, kMadd};
const PeakEntry kVnniAvx512 = {vnni, kVnni};
}  // namespace weir
#else
namespace weir {
const PeakEntry kFmaAvx512 = {nullptr, 0};
const PeakEntry kMaddAvx512 = {nullptr, 0};
const PeakEntry kVnniAvx512 = {nullptr, 0};
}  // namespace weir
#endif
