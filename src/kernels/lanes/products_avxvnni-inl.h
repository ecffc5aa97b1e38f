// Sums of products of sixteen lanes with AVX-VNNI: one instruction multiplies words or bytes and
// adds in 32 bits. products_avx2-inl.h says what each function means. Written over
// sixteen_avx2-inl.h.
#pragma once
#include <immintrin.h>

namespace weir {
namespace {

constexpr int kWordRows = 6, kSmallWordRows = 6, kWordPanels = 1, kByteRows = 2, kDirectRows = 0;
constexpr int kWordsFrom = 6;

inline Sixteen add_word_products(Sixteen a, Sixteen b, Sixteen sum) {
  return {_mm256_dpwssd_avx_epi32(sum.low, a.low, b.low),
          _mm256_dpwssd_avx_epi32(sum.high, a.high, b.high)};
}
[[gnu::always_inline]] inline void add_lane_words(Sixteen a, const void* lane, Sixteen& sum) {
  sum = add_word_products(a, splat_lane(lane), sum);
  // g++ 12 else copies every sum before it adds to it, and has no registers left.
  asm("" : "+x"(sum.low), "+x"(sum.high));
}
// Four products in one integer.
[[gnu::always_inline]] inline void add_lane_bytes(Sixteen a, const void* lane, Sixteen& sum) {
  const Sixteen b = splat_lane(lane);
  sum.low = _mm256_dpbusd_avx_epi32(sum.low, a.low, b.low);
  sum.high = _mm256_dpbusd_avx_epi32(sum.high, a.high, b.high);
}

}  // namespace
}  // namespace weir
