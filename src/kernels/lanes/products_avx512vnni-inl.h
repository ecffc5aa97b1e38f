// Sums of products of sixteen lanes with AVX-512 VNNI: one instruction multiplies words or bytes
// and adds in 32 bits. products_avx2-inl.h says what each function means. Written over
// sixteen_avx512-inl.h.
#pragma once
#include <immintrin.h>

namespace weir {
namespace {

// A group of codes is parted once for four activation rows; a spread section costs about as much as
// parting its codes four times.
constexpr int kWordRows = 12, kSmallWordRows = 6, kWordPanels = 2, kByteRows = 4, kDirectRows = 8;
constexpr int kWordsFrom = 9;

inline Sixteen add_word_products(Sixteen a, Sixteen b, Sixteen sum) {
  return {_mm512_dpwssd_epi32(sum.v, a.v, b.v)};
}
[[gnu::always_inline]] inline void add_lane_words(Sixteen a, const void* lane, Sixteen& sum) {
  sum = add_word_products(a, splat_lane(lane), sum);
  keep_in_register(sum);
}
// Four products in one integer.
[[gnu::always_inline]] inline void add_lane_bytes(Sixteen a, const void* lane, Sixteen& sum) {
  sum.v = _mm512_dpbusd_epi32(sum.v, a.v, splat_lane(lane).v);
}

}  // namespace
}  // namespace weir
