// Sums of products of sixteen lanes, with what AVX2 has: products of bytes are added in words.
// Every products_*-inl.h has these functions. Written over sixteen_avx2-inl.h.
#pragma once
#include <immintrin.h>

namespace weir {
namespace {

// A tile of unpacked words: activation rows, and panels side by side. Activation rows of bytes.
constexpr int kWordRows = 6, kSmallWordRows = 6, kWordPanels = 1, kByteRows = 2, kDirectRows = 0;
// From this many activation rows on, words are faster than bytes.
constexpr int kWordsFrom = 6;

// sum + the integers that are sums of two products of words.
inline Sixteen add_word_products(Sixteen a, Sixteen b, Sixteen sum) {
  return {_mm256_add_epi32(sum.low, _mm256_madd_epi16(a.low, b.low)),
          _mm256_add_epi32(sum.high, _mm256_madd_epi16(a.high, b.high))};
}
// sum += products of `a` with the same four bytes in every lane, which are at `lane`. In one piece,
// because g++ 12 else makes all products of a tile first and has no registers left for the sums.
#define WEIR_ADD_LANE_PRODUCTS(multiply, add)                                                   \
  using Lane [[gnu::may_alias]] = int32_t;                                                      \
  __m256i low = sum.low, high = sum.high, both, product;                                        \
  asm("vpbroadcastd %[lane], %[both]\n\t" multiply " %[both], %[a_low], %[product]\n\t" add     \
      " %[product], %[low], %[low]\n\t" multiply " %[both], %[a_high], %[both]\n\t" add         \
      " %[both], %[high], %[high]"                                                              \
      : [low] "+x"(low), [high] "+x"(high), [both] "=&x"(both), [product] "=&x"(product)        \
      : [lane] "m"(*static_cast<const Lane*>(lane)), [a_low] "x"(a.low), [a_high] "x"(a.high)); \
  sum = {low, high};

// Of words, in integers.
[[gnu::always_inline]] inline void add_lane_words(Sixteen a, const void* lane, Sixteen& sum) {
  WEIR_ADD_LANE_PRODUCTS("vpmaddwd", "vpaddd")
}
// Of bytes, without a sign in `a` and with one at `lane`, in words.
[[gnu::always_inline]] inline void add_lane_bytes(Sixteen a, const void* lane, Sixteen& sum) {
  WEIR_ADD_LANE_PRODUCTS("vpmaddubsw", "vpaddw")
}
#undef WEIR_ADD_LANE_PRODUCTS

}  // namespace
}  // namespace weir
