// Stored numbers to f32, sixteen at a time, in the steps of dequantize_row and so with its bits.
// Written over formats-inl.h and stepped_formats-inl.h.
#pragma once
#include <cstddef>
#include <cstdint>

#include "kernels/dense/vector-inl.h"
#include "kernels/quant/formats-inl.h"
#include "kernels/quant/stepped_formats-inl.h"

namespace weir {
namespace {

// Plain floats, sixteen at a time. kStep tells them from the quantized ones.
template <>
struct FormatOf<WeightType::f32> {
  static constexpr int kNumbers = 16, kBytes = 64, kStep = kNone;
  static Lanes values(const uint8_t* b, float) {
    alignas(64) float x[16];
    __builtin_memcpy(x, b, sizeof x);
    return load(x);
  }
};
template <>
struct FormatOf<WeightType::f16> {
  static constexpr int kNumbers = 16, kBytes = 32, kStep = kNone;
  static Lanes values(const uint8_t* b, float) { return load_f16(b); }
};
template <>
struct FormatOf<WeightType::bf16> {
  static constexpr int kNumbers = 16, kBytes = 32, kStep = kNone;
  static Lanes values(const uint8_t* b, float) { return load_bf16(b); }
};
template <>
struct FormatOf<WeightType::f8_e4m3> {
  static constexpr int kNumbers = 16, kBytes = 16, kStep = kNone;
  static constexpr size_t kSquare = size_t(scale_square(WeightType::f8_e4m3));
  static Lanes values(const uint8_t* b, float scale) { return load_f8(b) * splat(scale); }
};
template <>
struct FormatOf<WeightType::f8_e4m3_32> : FormatOf<WeightType::f8_e4m3> {
  static constexpr size_t kSquare = size_t(scale_square(WeightType::f8_e4m3_32));
};

template <class Visit>
inline void visit_format(WeightType type, const Visit& visit) {
  visit_quantized<true>(type, visit);
}

// One block: start() works out what its numbers share, then group<j>(take) calls
// take(i, Lanes) for the sixteen numbers from i on, in order.
template <class F>
class Decoder {
 public:
  static constexpr int kGroups = F::kNumbers / 32;

  void start(const uint8_t* b, float) {
    b_ = b;
    if constexpr (kGroups > 1) {
      const GroupScales s = F::scales(b);
      store(step_, splat_half(b + F::kStep) * numbers(s.step));
      if constexpr (F::kMinimum != kNone)
        store(minimum_, splat_half(b + F::kMinimum) * numbers(s.minimum));
    }
  }

  template <int j, class Take>
  [[gnu::always_inline]] void group(const Take& take) const {
    Bytes q = F::template quants<j>(b_);
    if constexpr (F::kCenter != 0) q = minus(q, F::kCenter);
#pragma GCC unroll 2
    for (int half = 0; half < 2; ++half) {
      const Lanes x = numbers(q, half);
      if constexpr (kGroups == 1) {
        const Lanes y = x * splat_half(b_ + F::kStep);
        if constexpr (F::kMinimum == kNone)
          take(16 * half, y);
        else
          take(16 * half, y + splat_half(b_ + F::kMinimum));
      } else {
        const int at = (32 * j + 16 * half) / F::kGroup;
        const Lanes y = x * splat(step_[at]);
        if constexpr (F::kMinimum == kNone)
          take(32 * j + 16 * half, y);
        else
          take(32 * j + 16 * half, y - splat(minimum_[at]));
      }
    }
  }

 private:
  const uint8_t* b_;
  alignas(64) float step_[16], minimum_[16];
};

template <class F>
requires(F::kStep == kNone) class Decoder<F> {
 public:
  static constexpr int kGroups = 1;
  void start(const uint8_t* b, float scale) { b_ = b, scale_ = scale; }
  template <int, class Take>
  [[gnu::always_inline]] void group(const Take& take) const {
    take(0, F::values(b_, scale_));
  }

 private:
  const uint8_t* b_;
  float scale_;
};

// The same of types whose steps are floats of their own.
template <class F>
requires(F::kStep == kOwnSteps) class Decoder<F> {
 public:
  static constexpr int kGroups = F::kNumbers / 32;
  void start(const uint8_t* b, float) {
    b_ = b;
    F::steps(b, step_);
  }
  template <int j, class Take>
  [[gnu::always_inline]] void group(const Take& take) const {
    const Bytes q = F::template quants<j>(b_);
    take(32 * j, numbers(q, 0) * splat(step_[2 * j]));
    take(32 * j + 16, numbers(q, 1) * splat(step_[2 * j + 1]));
  }

 private:
  const uint8_t* b_;
  float step_[2 * kGroups];
};

// Group after group of C blocks side by side, whose sums do not wait for each other.
template <class F, int j = 0, int C, class Take>
[[gnu::always_inline]] inline void decode_groups(const Decoder<F> (&blocks)[C], const Take& take) {
#pragma GCC unroll 4
  for (int c = 0; c < C; ++c) blocks[c].template group<j>([&](int i, Lanes w) { take(c, i, w); });
  if constexpr (j + 1 < Decoder<F>::kGroups) decode_groups<F, j + 1>(blocks, take);
}

// The scale of number k of a row; only E4M3 has any.
template <class F>
inline float scale_of(const float* scales, size_t k) {
  if constexpr (requires { F::kSquare; })
    return scales[k / F::kSquare];
  else
    return 1;
}
// The scales from number k of a row on.
template <class F>
inline const float* scales_from(const float* scales, size_t k) {
  if constexpr (requires { F::kSquare; })
    return scales + k / F::kSquare;
  else
    return nullptr;
}

template <class F>
void dequantize_as(const uint8_t* b, const float* scales, float* y, size_t count) {
  size_t k = 0;
  for (; k + F::kNumbers <= count; k += F::kNumbers, b += F::kBytes) {
    Decoder<F> block[1];
    block[0].start(b, scale_of<F>(scales, k));
    decode_groups<F>(block, [&](int, int i, Lanes w) { store(y + k + i, w); });
  }
  if constexpr (F::kStep == kNone) {  // other types have whole blocks
    if (k == count) return;
    uint8_t last[F::kBytes] = {};
    __builtin_memcpy(last, b, (count - k) * F::kBytes / F::kNumbers);
    store_part(y + k, int(count - k), F::values(last, scale_of<F>(scales, k)));
  }
}

void dequantize(WeightType type, const void* row, const float* scales, float* y, size_t count) {
  visit_format(type, [&](auto format) {
    dequantize_as<decltype(format)>(static_cast<const uint8_t*>(row), scales, y, count);
  });
}

}  // namespace
}  // namespace weir
