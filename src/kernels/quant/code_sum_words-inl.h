// The sum of code * word over some quads, for each row of a panel, on processors that add products
// of bytes in words. Written over one products_*-inl.h.
#pragma once
#include "kernels/quant/activations.h"

namespace weir {
namespace {

// For codes of at most five bits and 32 numbers, or six bits and 16: 2 * 4 * 63 * 64 fits a word.
class CodeSum {
 public:
  // `k`: where the quad's numbers are in the section.
  [[gnu::always_inline]] void add(Sixteen codes, const QuantizedSection& a, int k) {
    add_lane_bytes(codes, a.high + k, high_);
    add_lane_bytes(codes, a.low + k, low_);
  }
  // Integer steps as times() reads them. kFitWords: whether 32-bit sums would fit words; these do.
  template <bool>
  static Sixteen steps(__m128i bytes) {
    return doubled_words(bytes);
  }
  // sum + the sum * steps.
  template <bool>
  [[gnu::always_inline]] Sixteen times(Sixteen steps, Sixteen sum) const {
    return add_word_products(low_, steps, add_word_products(high_, moved<-7>(steps), sum));
  }
  // The same for the two bytes of the words apart.
  [[gnu::always_inline]] void times(Sixteen steps, Sixteen& high, Sixteen& low) const {
    high = add_word_products(high_, steps, high);
    low = add_word_products(low_, steps, low);
  }
  // sum + the sum.
  [[gnu::always_inline]] Sixteen plus(Sixteen sum) const {
    return times<true>(splat_words(1), sum);
  }

 private:
  Sixteen high_ = splat_int(0), low_ = splat_int(0);
};

}  // namespace
}  // namespace weir
