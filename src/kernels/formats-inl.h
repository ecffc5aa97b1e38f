// Where each stored type keeps its numbers, one struct a type; blocks.h says which types there are
// and dequantize.cpp what their bytes mean. Written over the functions of one bytes_*-inl.h.
//
// A quantized type has, for the 32 numbers from 32 j on, `quants` (bytes, less kCenter) and for
// every kGroup numbers a step, so that a number is quant * step - minimum:
//   blocks of 32:   step = the half at kStep; minimum = -the half at kMinimum, if there is one
//   blocks of 256:  step = the half at kStep * a small integer, likewise the minimum
// kSigned: the bytes without kCenter are signed.
#pragma once
#include "kernels/kernels.h"

namespace weir {
namespace {

// The values that IQ4_NL and IQ4_XS index with four bits.
alignas(16) constexpr int8_t kCurveValues[16] = {-127, -104, -83, -65, -49, -35, -22, -10,
                                                 1,    13,   25,  38,  53,  69,  89,  113};

constexpr int kNone = -1;

// The small integers of a block of 256: of every 16 or 32 numbers.
struct GroupScales {
  alignas(16) int8_t step[16], minimum[16];
};

template <int kNumbers_, int kBytes_, int kStep_, int kMinimum_ = kNone, int kCenter_ = 0>
struct Format {
  static constexpr int kNumbers = kNumbers_, kBytes = kBytes_;
  static constexpr int kStep = kStep_, kMinimum = kMinimum_, kCenter = kCenter_;
  static constexpr int kGroup = 32;
  static constexpr bool kSigned = false;
};

struct FormatQ4_0 : Format<32, 18, 0, kNone, 8> {
  template <int>
  static Bytes quants(const uint8_t* b) {
    return load_nibbles(b + 2);
  }
};
struct FormatQ4_1 : Format<32, 20, 0, 2> {
  template <int>
  static Bytes quants(const uint8_t* b) {
    return load_nibbles(b + 4);
  }
};
struct FormatQ5_0 : Format<32, 22, 0, kNone, 16> {
  template <int>
  static Bytes quants(const uint8_t* b) {
    return load_nibbles(b + 6) | spread_bits(b + 2, 16);
  }
};
struct FormatQ5_1 : Format<32, 24, 0, 2> {
  template <int>
  static Bytes quants(const uint8_t* b) {
    return load_nibbles(b + 8) | spread_bits(b + 4, 16);
  }
};
struct FormatQ8_0 : Format<32, 34, 0> {
  static constexpr bool kSigned = true;
  template <int>
  static Bytes quants(const uint8_t* b) {
    return load_bytes(b + 2);
  }
};
struct FormatIq4Nl : Format<32, 18, 0> {
  static constexpr bool kSigned = true;
  template <int>
  static Bytes quants(const uint8_t* b) {
    return look_up(kCurveValues, load_nibbles(b + 2));
  }
};

struct FormatQ2K : Format<256, 84, 80, 82> {
  static constexpr int kGroup = 16;
  template <int j>
  static Bytes quants(const uint8_t* b) {
    return bits<2 * (j % 4)>(load_bytes(b + 16 + 32 * (j / 4)), 3);
  }
  static void scales(const uint8_t* b, GroupScales& s) {
    for (int i = 0; i < 16; ++i) s.step[i] = int8_t(b[i] & 15), s.minimum[i] = int8_t(b[i] >> 4);
  }
};

struct FormatQ3K : Format<256, 110, 108, kNone, 4> {
  static constexpr int kGroup = 16;
  template <int j>
  static Bytes quants(const uint8_t* b) {
    return bits<2 * (j % 4)>(load_bytes(b + 32 + 32 * (j / 4)), 3) | bits<j - 2>(load_bytes(b), 4);
  }
  // Four scales at a time, in the bytes of a word.
  static void scales(const uint8_t* b, GroupScales& s) {
    uint32_t a[3], out[4];
    __builtin_memcpy(a, b + 96, sizeof a);
    for (int i = 0; i < 4; ++i) {
      const uint32_t low = a[i % 2] >> (i / 2 * 4) & 0x0f0f0f0f;
      const uint32_t high = a[2] >> (2 * i) & 0x03030303;
      // Less 32: of six bits the top one flips and becomes the sign.
      const uint32_t q = (low | high << 4) ^ 0x20202020;
      out[i] = q | (q & 0x20202020) << 1 | (q & 0x20202020) << 2;
    }
    __builtin_memcpy(s.step, out, sizeof out);
  }
};

// The six-bit scales and minimums of Q4_K and Q5_K, four at a time.
inline void six_bit_scales(const uint8_t* b, GroupScales& s) {
  uint32_t a[3];
  __builtin_memcpy(a, b, sizeof a);
  const uint32_t step[2] = {a[0] & 0x3f3f3f3f, (a[2] & 0x0f0f0f0f) | (a[0] >> 2 & 0x30303030)};
  const uint32_t minimum[2] = {a[1] & 0x3f3f3f3f,
                               (a[2] >> 4 & 0x0f0f0f0f) | (a[1] >> 2 & 0x30303030)};
  __builtin_memcpy(s.step, step, sizeof step);
  __builtin_memcpy(s.minimum, minimum, sizeof minimum);
}

struct FormatQ4K : Format<256, 144, 0, 2> {
  template <int j>
  static Bytes quants(const uint8_t* b) {
    return bits<4 * (j % 2)>(load_bytes(b + 16 + 32 * (j / 2)), 15);
  }
  static void scales(const uint8_t* b, GroupScales& s) { six_bit_scales(b + 4, s); }
};
struct FormatQ5K : Format<256, 176, 0, 2> {
  template <int j>
  static Bytes quants(const uint8_t* b) {
    return bits<4 * (j % 2)>(load_bytes(b + 48 + 32 * (j / 2)), 15) |
           bits<j - 4>(load_bytes(b + 16), 16);
  }
  static void scales(const uint8_t* b, GroupScales& s) { six_bit_scales(b + 4, s); }
};

struct FormatQ6K : Format<256, 210, 208, kNone, 32> {
  static constexpr int kGroup = 16;
  template <int j>
  static Bytes quants(const uint8_t* b) {
    constexpr int kHalf = j / 4, k = j % 4;
    return bits<4 * (k / 2)>(load_bytes(b + 64 * kHalf + 32 * (k % 2)), 15) |
           bits<2 * k - 4>(load_bytes(b + 128 + 32 * kHalf), 48);
  }
  static void scales(const uint8_t* b, GroupScales& s) {
    __builtin_memcpy(s.step, b + 192, sizeof s.step);
  }
};

struct FormatIq4Xs : Format<256, 136, 0> {
  static constexpr bool kSigned = true;
  template <int j>
  static Bytes quants(const uint8_t* b) {
    return look_up(kCurveValues, load_nibbles(b + 8 + 16 * j));
  }
  static void scales(const uint8_t* b, GroupScales& s) {
    const int high = b[2] | b[3] << 8;
    for (int j = 0; j < 8; ++j)
      s.step[j] = int8_t(((b[4 + j / 2] >> (4 * (j & 1)) & 15) | (high >> (2 * j) & 3) << 4) - 32);
  }
};

// Plain floats, sixteen at a time. kStep < 0 tells them from the quantized ones.
struct FormatF32 {
  static constexpr int kNumbers = 16, kBytes = 64, kStep = kNone;
  static Lanes values(const uint8_t* b, float) {
    alignas(64) float x[16];
    __builtin_memcpy(x, b, sizeof x);
    return load(x);
  }
};
struct FormatF16 {
  static constexpr int kNumbers = 16, kBytes = 32, kStep = kNone;
  static Lanes values(const uint8_t* b, float) { return load_f16(b); }
};
struct FormatBf16 {
  static constexpr int kNumbers = 16, kBytes = 32, kStep = kNone;
  static Lanes values(const uint8_t* b, float) { return load_bf16(b); }
};
struct FormatF8 {
  static constexpr int kNumbers = 16, kBytes = 16, kStep = kNone;
  static Lanes values(const uint8_t* b, float scale) { return load_f8(b) * splat(scale); }
};

// visit(Format{}) for the quantized type; false if `type` is a plain one.
template <class Visit>
inline bool visit_quantized(WeightType type, const Visit& visit) {
  switch (type) {
    case WeightType::q4_0:
      return visit(FormatQ4_0{}), true;
    case WeightType::q4_1:
      return visit(FormatQ4_1{}), true;
    case WeightType::q5_0:
      return visit(FormatQ5_0{}), true;
    case WeightType::q5_1:
      return visit(FormatQ5_1{}), true;
    case WeightType::q8_0:
      return visit(FormatQ8_0{}), true;
    case WeightType::iq4_nl:
      return visit(FormatIq4Nl{}), true;
    case WeightType::q2_k:
      return visit(FormatQ2K{}), true;
    case WeightType::q3_k:
      return visit(FormatQ3K{}), true;
    case WeightType::q4_k:
      return visit(FormatQ4K{}), true;
    case WeightType::q5_k:
      return visit(FormatQ5K{}), true;
    case WeightType::q6_k:
      return visit(FormatQ6K{}), true;
    case WeightType::iq4_xs:
      return visit(FormatIq4Xs{}), true;
    default:
      return false;
  }
}
template <class Visit>
inline void visit_format(WeightType type, const Visit& visit) {
  if (visit_quantized(type, visit)) return;
  switch (type) {
    case WeightType::f16:
      return visit(FormatF16{});
    case WeightType::bf16:
      return visit(FormatBf16{});
    case WeightType::f8_e4m3:
      return visit(FormatF8{});
    default:
      return visit(FormatF32{});
  }
}

}  // namespace
}  // namespace weir
