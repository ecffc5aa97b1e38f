// The exponential and what is made of it: softmax sums, sigmoid, SwiGLU.
// Written over the functions of one lanes_*-inl.h and the loops of vector-inl.h.
#pragma once
#include <cstddef>

#include "kernels/dense/vector-inl.h"

namespace weir {
namespace {

// exp(t) = 2^n * exp(r), n = round(t / ln 2), |r| <= ln(2) / 2; exp(r) is 1 + r + r^2 q(r) with the
// minimax q of degree 4 (relative error 3.1e-9 before rounding). Infinite above 88.37, where 2^n
// is.
inline Lanes exp(Lanes t) {
  const Lanes top = min(splat(88.6f), t);  // keeps NaN
  // Adding 1.5 * 2^23 rounds to an integer that stands in the low bits; 127 makes it an exponent.
  const Lanes magic = splat(12582912.0f + 127.0f);
  const Lanes shifted = fma(top, splat(0x1.715476p+0f), magic);
  const Lanes n = shifted - magic;
  // ln 2 in two floats; the first product cancels exactly.
  Lanes r = fma(n, splat(-0x1.62e43p-1f), top);
  r = fma(n, splat(0x1.05c61p-29f), r);
  Lanes q = fma(splat(0x1.6a22dp-10f), r, splat(0x1.123abap-7f));
  q = fma(q, r, splat(0x1.5558f6p-5f));
  q = fma(q, r, splat(0x1.55549p-3f));
  q = fma(q, r, splat(0x1.fffffcp-2f));
  const Lanes fraction = fma(r * r, q, r) + splat(1);
  return select_less(t, splat(-87.3f), splat(0), fraction * low_bits_to_exponent(shifted));
}

inline Lanes sigmoid(Lanes x) { return splat(1) / (splat(1) + exp(splat(0) - x)); }

float exp_sum(float* x, float top, int n) {
  const Lanes shift = splat(top);
  Lanes total = splat(0);
  for_lanes(size_t(n), [&](size_t i, auto span) {
    span.put(x + i, exp(span.get(x + i) - shift));
    total = total + span.get(x + i);  // again from memory: zero beyond the end
  });
  return lane_sum(total);
}

// In the forward pass this was: p = softmax(s).
void softmax_backward(const float* p, const float* dp, float total, float* ds, int n) {
  const Lanes shift = splat(total);
  for_lanes(size_t(n), [&](size_t i, auto span) {
    span.put(ds + i, span.get(p + i) * (span.get(dp + i) - shift));
  });
}

void sigmoid_of(const float* x, float* out, int n) {
  for_lanes(size_t(n), [&](size_t i, auto span) { span.put(out + i, sigmoid(span.get(x + i))); });
}

void swiglu(const float* gate, const float* up, float* y, int n) {
  for_lanes(size_t(n), [&](size_t i, auto span) {
    const Lanes g = span.get(gate + i);
    span.put(y + i, g * sigmoid(g) * span.get(up + i));
  });
}

// In the forward pass this was: y = gate * sigmoid(gate) * up.
void swiglu_backward(const float* gate, const float* up, const float* dy, float* dgate, float* dup,
                     bool accumulate, int n) {
  for_lanes(size_t(n), [&](size_t i, auto span) {
    const Lanes g = span.get(gate + i), d = span.get(dy + i);
    const Lanes s = sigmoid(g);
    const Lanes slope = s * fma(g, splat(1) - s, splat(1));
    const Lanes to_gate = d * span.get(up + i), silu = g * s;
    span.put(dgate + i, accumulate ? fma(to_gate, slope, span.get(dgate + i)) : to_gate * slope);
    span.put(dup + i, accumulate ? fma(d, silu, span.get(dup + i)) : d * silu);
  });
}

}  // namespace
}  // namespace weir
