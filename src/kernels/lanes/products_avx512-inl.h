// Sums of products of sixteen lanes with AVX-512 that lacks VNNI. products_avx2-inl.h says what
// each function means. Written over sixteen_avx512-inl.h.
#pragma once
#include <immintrin.h>

namespace weir {
namespace {

constexpr int kWordRows = 12, kSmallWordRows = 6, kWordPanels = 2, kByteRows = 2, kDirectRows = 0;
constexpr int kWordsFrom = 6;

inline Sixteen add_word_products(Sixteen a, Sixteen b, Sixteen sum) {
  return {_mm512_add_epi32(sum.v, _mm512_madd_epi16(a.v, b.v))};
}
[[gnu::always_inline]] inline void add_lane_words(Sixteen a, const void* lane, Sixteen& sum) {
  sum = add_word_products(a, splat_lane(lane), sum);
  keep_in_register(sum);
}
[[gnu::always_inline]] inline void add_lane_bytes(Sixteen a, const void* lane, Sixteen& sum) {
  sum.v = _mm512_add_epi16(sum.v, _mm512_maddubs_epi16(a.v, splat_lane(lane).v));
}

}  // namespace
}  // namespace weir
