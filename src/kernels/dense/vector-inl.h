// Loops over one or two vectors: sums in lanes, norms, rotation, conversion, the optimizer step.
// Written over the functions of one lanes_*-inl.h, included before it.
#pragma once
#include <cstddef>
#include <cstdint>

#include "kernels/kernels.h"

namespace weir {
namespace {

// How a loop body touches memory: sixteen elements, or the last few.
struct Whole {
  Lanes get(const float* p) const { return load(p); }
  Lanes get(const float* p, float) const { return load(p); }
  void put(float* p, Lanes a) const { store(p, a); }
};
struct Part {
  int n;
  Lanes get(const float* p) const { return load_part(p, n); }
  Lanes get(const float* p, float fill) const { return load_part(p, n, fill); }
  void put(float* p, Lanes a) const { store_part(p, n, a); }
};

// Calls body(i, span) for i = 0, 16, 32 ...; the last span is a Part if 16 does not divide n.
template <class Body>
inline void for_lanes(size_t n, const Body& body) {
  size_t i = 0;
  for (; i + 16 <= n; i += 16) body(i, Whole{});
  if (i < n) body(i, Part{int(n - i)});
}

float dot(const float* x, const float* y, int n) {
  Lanes sum_ = splat(0);
  for_lanes(size_t(n),
            [&](size_t i, auto span) { sum_ = fma(span.get(x + i), span.get(y + i), sum_); });
  return lane_sum(sum_);
}

float sum(const float* x, int n) {
  Lanes total = splat(0);
  for_lanes(size_t(n), [&](size_t i, auto span) { total = total + span.get(x + i); });
  return lane_sum(total);
}

void axpy(float a, const float* x, float* y, int n) {
  const Lanes factor = splat(a);
  for_lanes(size_t(n), [&](size_t i, auto span) {
    span.put(y + i, fma(factor, span.get(x + i), span.get(y + i)));
  });
}

void add(const float* x, const float* y, float* out, int n) {
  for_lanes(size_t(n),
            [&](size_t i, auto span) { span.put(out + i, span.get(x + i) + span.get(y + i)); });
}

void scale(float a, const float* x, float* out, int n) {
  const Lanes factor = splat(a);
  for_lanes(size_t(n), [&](size_t i, auto span) { span.put(out + i, factor * span.get(x + i)); });
}

// A NaN is passed over: the running maximum is the second operand.
float max_of(const float* x, int n) {
  Lanes top = splat(-__builtin_inff());
  for_lanes(size_t(n),
            [&](size_t i, auto span) { top = max(span.get(x + i, -__builtin_inff()), top); });
  return lane_max(top);
}

float rms_norm(const float* x, const float* gain, float epsilon, float* y, int n) {
  const float r = 1 / root(dot(x, x, n) / float(n) + epsilon);
  const Lanes factor = splat(r);
  for_lanes(size_t(n), [&](size_t i, auto span) {
    span.put(y + i, span.get(x + i) * factor * span.get(gain + i));
  });
  return r;
}

// In the forward pass this was: y = x * r * gain, r = 1 / sqrt(mean(x^2) + epsilon).
void rms_norm_backward(const float* x, const float* gain, const float* dy, float r, float* dx,
                       bool accumulate, float* dgain, int n) {
  Lanes total = splat(0);
  for_lanes(size_t(n), [&](size_t i, auto span) {
    total = fma(span.get(dy + i) * span.get(gain + i), span.get(x + i), total);
  });
  const float m = r * r / float(n) * lane_sum(total);
  const Lanes minus_m = splat(-m), factor = splat(r);
  for_lanes(size_t(n), [&](size_t i, auto span) {
    const Lanes xi = span.get(x + i), dyi = span.get(dy + i);
    const Lanes inner = fma(minus_m, xi, dyi * span.get(gain + i));
    span.put(dgain + i, fma(dyi, xi * factor, span.get(dgain + i)));
    span.put(dx + i, accumulate ? fma(factor, inner, span.get(dx + i)) : factor * inner);
  });
}

// (a, b) becomes (a cos - b sin, b cos + a sin).
inline void rotate(float& a, float& b, float c, float s) {
  const float first = fused(a, c, b * -s), second = fused(b, c, a * s);
  a = first;
  b = second;
}

void rope_interleaved(float* x, const float* cos, const float* sin, float direction, int width) {
  const int pairs = width / 2;
  alignas(64) float signs[16];
  for (int i = 0; i < 16; ++i) signs[i] = i % 2 ? direction : -direction;
  const Lanes sign = load(signs);
  int i = 0;
  for (; i + 8 <= pairs; i += 8) {
    const Lanes a = load(x + 2 * i);
    store(x + 2 * i, fma(a, load_doubled(cos + i), swap_pairs(a) * (load_doubled(sin + i) * sign)));
  }
  for (; i < pairs; ++i) rotate(x[2 * i], x[2 * i + 1], cos[i], sin[i] * direction);
}

void rope_half(float* x, const float* cos, const float* sin, float direction, int width) {
  const int pairs = width / 2;
  const Lanes plus = splat(direction), minus = splat(-direction);
  for_lanes(size_t(pairs), [&](size_t i, auto span) {
    const Lanes a = span.get(x + i), b = span.get(x + pairs + i);
    const Lanes c = span.get(cos + i), s = span.get(sin + i);
    span.put(x + i, fma(a, c, b * (s * minus)));
    span.put(x + pairs + i, fma(b, c, a * (s * plus)));
  });
}

void adamw(float* w, const float* g, float* m, float* v, size_t n, const AdamW& a) {
  const Lanes gradient_scale = splat(a.gradient_scale), epsilon = splat(a.epsilon);
  const Lanes beta1 = splat(a.beta1), rest1 = splat(1 - a.beta1),
              correction1 = splat(a.correction1);
  const Lanes beta2 = splat(a.beta2), rest2 = splat(1 - a.beta2),
              correction2 = splat(a.correction2);
  const Lanes minus_lr = splat(-a.lr), minus_decay = splat(-(a.lr * a.weight_decay));
  for_lanes(n, [&](size_t i, auto span) {
    const Lanes gi = span.get(g + i) * gradient_scale;
    const Lanes mi = fma(beta1, span.get(m + i), rest1 * gi);
    const Lanes vi = fma(beta2, span.get(v + i), rest2 * (gi * gi));
    const Lanes wi = span.get(w + i);
    const Lanes step = (mi * correction1) / (root(vi * correction2) + epsilon);
    span.put(m + i, mi);
    span.put(v + i, vi);
    span.put(w + i, fma(minus_lr, step, fma(minus_decay, wi, wi)));
  });
}

void bf16_to_f32(const uint16_t* x, float* y, size_t n) {
  size_t i = 0;
  for (; i + 16 <= n; i += 16) store(y + i, load(x + i));
  if (i == n) return;
  uint16_t last[16] = {};
  __builtin_memcpy(last, x + i, (n - i) * sizeof *x);
  store_part(y + i, int(n - i), load(last));
}

void f32_to_bf16(const float* x, uint16_t* y, size_t n) {
  size_t i = 0;
  for (; i + 16 <= n; i += 16) store_bf16(y + i, load(x + i));
  if (i == n) return;
  uint16_t last[16];
  store_bf16(last, load_part(x + i, int(n - i)));
  __builtin_memcpy(y + i, last, (n - i) * sizeof *y);
}

}  // namespace
}  // namespace weir
