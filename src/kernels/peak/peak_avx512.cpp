// The loops of AVX-512 and of its VNNI.
#include "kernels/peak/peak_entries.h"

#if defined(__AVX512F__) && defined(__AVX512BW__)
#include <immintrin.h>

namespace weir {
namespace {
using Floats = __m512;
using Integers = __m512i;
inline Floats fill_floats(float x) { return _mm512_set1_ps(x); }
inline Integers fill_words(short x) { return _mm512_set1_epi16(x); }
}  // namespace
}  // namespace weir

#include "kernels/peak/peak_loops-inl.h"

namespace weir {
namespace {

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
