// Stored numbers to f32, sixteen at a time, in the steps of dequantize_row and so with its bits.
// Written over formats-inl.h.
#pragma once
#include <cstddef>
#include <cstdint>

#include "kernels/formats-inl.h"
#include "kernels/vector-inl.h"

namespace weir {
namespace {

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

// Group after group of C blocks side by side, whose sums do not wait for each other.
template <class F, int j = 0, int C, class Take>
[[gnu::always_inline]] inline void decode_groups(const Decoder<F> (&blocks)[C], const Take& take) {
#pragma GCC unroll 4
  for (int c = 0; c < C; ++c) blocks[c].template group<j>([&](int i, Lanes w) { take(c, i, w); });
  if constexpr (j + 1 < Decoder<F>::kGroups) decode_groups<F, j + 1>(blocks, take);
}

// The scale of number k of a row; only f8_e4m3 has any.
inline float scale_of(const float* scales, int k) { return scales ? scales[k / kScaleSquare] : 1; }

// Numbers [begin, begin + count) of a row; begin is a multiple of 256.
using DecodePart = void (*)(const uint8_t* row, const float* scales, int begin, int count,
                            float* y);

template <class F>
void decode_part(const uint8_t* row, const float* scales, int begin, int count, float* y) {
  const uint8_t* b = row + size_t(begin) / F::kNumbers * F::kBytes;
  int k = 0;
  for (; k + F::kNumbers <= count; k += F::kNumbers, b += F::kBytes) {
    Decoder<F> block[1];
    block[0].start(b, scale_of(scales, begin + k));
    decode_groups<F>(block, [&](int, int i, Lanes w) { store(y + k + i, w); });
  }
  if constexpr (F::kStep == kNone) {  // other types have whole blocks
    if (k == count) return;
    uint8_t last[F::kBytes] = {};
    __builtin_memcpy(last, b, size_t(count - k) * F::kBytes / F::kNumbers);
    store_part(y + k, count - k, F::values(last, scale_of(scales, begin + k)));
  }
}

inline DecodePart decoder_of(WeightType type) {
  DecodePart result = nullptr;
  visit_format(type, [&](auto format) { result = decode_part<decltype(format)>; });
  return result;
}

void dequantize(WeightType type, const void* row, const float* scales, float* y, size_t count) {
  constexpr size_t kMost = size_t(1) << 30;  // of one call of a decoder, which counts in int
  const uint8_t* bytes = static_cast<const uint8_t*>(row);
  const DecodePart decode = decoder_of(type);
  for (size_t i = 0; i < count; i += kMost)
    decode(bytes + type_bytes(type, i), scales ? scales + i / kScaleSquare : nullptr, 0,
           int(count - i < kMost ? count - i : kMost), y + i);
}

}  // namespace
}  // namespace weir
