// The sum of code * word over some quads, for each row of a panel, on processors that add products
// of bytes in words. Written over one products_*-inl.h.
#pragma once
#include "kernels/quant/activations.h"

namespace weir {
namespace {

class CodeSum {
 public:
  // A word holds the products of 32 numbers with codes of six bits, but of eight numbers only with
  // codes of eight: 2 * 2 * 255 * 32.
  static constexpr bool kIsOfWords = true;

  // `k`: where the quad's numbers are in the section.
  [[gnu::always_inline]] void add(Sixteen codes, const QuantizedSection& a, int k) {
    add_lane_bytes(codes, a.high + k, high_);
    add_lane_bytes(codes, a.low + k, low_);
  }
  // sum + the sum * steps, as step_lanes() has them.
  [[gnu::always_inline]] Sixteen times(Sixteen steps, Sixteen sum) const {
    return add_word_products(low_, steps, add_word_products(high_, moved<-6>(steps), sum));
  }
  // sum + the sum.
  [[gnu::always_inline]] Sixteen plus(Sixteen sum) const { return times(splat_words(1), sum); }

 private:
  Sixteen high_ = splat_int(0), low_ = splat_int(0);
};

}  // namespace
}  // namespace weir
