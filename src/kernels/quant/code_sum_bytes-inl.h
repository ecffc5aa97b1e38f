// As code_sum_words-inl.h, on processors that add products of bytes in 32 bits (VNNI).
#pragma once
#include "kernels/quant/activations.h"

namespace weir {
namespace {

class CodeSum {
 public:
  [[gnu::always_inline]] void add(Sixteen codes, const QuantizedSection& a, int k) {
    add_lane_bytes(codes, a.high + k, high_);
    add_lane_bytes(codes, a.low + k, low_);
  }
  // Sums that fit words are multiplied as such, both at once.
  template <bool kFitWords>
  static Sixteen steps(__m128i bytes) {
    if constexpr (!kFitWords) return int_lanes(bytes);
    return multiply_words(doubled_words(bytes), splat_int(1 | 128 << 16));
  }
  template <bool kFitWords>
  [[gnu::always_inline]] Sixteen times(Sixteen steps, Sixteen sum) const {
    if constexpr (!kFitWords) return sum + multiply_ints(shifted_ints<7>(high_) + low_, steps);
    const Sixteen both = (low_ & splat_int(0xffff)) | shifted_ints<16>(high_);
    return add_word_products(both, steps, sum);
  }
  [[gnu::always_inline]] void times(Sixteen steps, Sixteen& high, Sixteen& low) const {
    high = high + multiply_ints(high_, steps);
    low = low + multiply_ints(low_, steps);
  }
  [[gnu::always_inline]] Sixteen plus(Sixteen sum) const {
    return sum + shifted_ints<7>(high_) + low_;
  }

 private:
  Sixteen high_ = splat_int(0), low_ = splat_int(0);
};

}  // namespace
}  // namespace weir
