// Where each type with integer products keeps its numbers, one struct a type; types.h lists the
// types and dequantize.cpp defines their bytes. Written over the functions of one bytes_*-inl.h.
//
// A type has, for the 32 numbers from 32 j on, `quants` (bytes, less kCenter) and for
// every kGroup numbers a step, so that a number is quant * step - minimum:
//   blocks of 32:   step = the half at kStep; minimum = -the half at kMinimum, if there is one
//   blocks of 256:  step = the half at kStep * a small integer, likewise the minimum
// kSigned: the bytes without kCenter are signed.
#pragma once
#include "kernels/kernels.h"
#include "kernels/quant/types.h"

namespace weir {
namespace {

constexpr int kNone = -1;

// The small integers of a block of 256, one a byte from the lowest on: of every 16 numbers, or, in
// the first eight bytes, of every 32. In registers, because bytes stored one by one and loaded
// together make the load wait.
struct GroupScales {
  uint64_t step[2], minimum[2];
};

inline uint64_t word_at(const uint8_t* p) {
  return uint64_t(p[0] | uint32_t(p[1]) << 8 | uint32_t(p[2]) << 16 | uint32_t(p[3]) << 24);
}
inline uint64_t two_words_at(const uint8_t* p) { return word_at(p) | word_at(p + 4) << 32; }
constexpr uint64_t every_byte(uint64_t x) { return x * 0x0101010101010101; }
// Six bits less 32, in every byte: the top one flips and becomes the sign.
inline uint64_t less_32(uint64_t x) {
  const uint64_t top = ~x & every_byte(0x20);
  return (x & every_byte(0x1f)) | top * 7;
}

constexpr const TypeRow& traits_of(WeightType type) {
  for (const TypeRow& row : kTypes)
    if (row.type == type) return row;
  return kTypes[0];
}

template <WeightType kType_, int kStep_, int kMinimum_ = kNone, int kCenter_ = 0>
struct Format {
  static constexpr WeightType kType = kType_;
  static constexpr int kNumbers = traits_of(kType).block, kBytes = traits_of(kType).block_bytes;
  static constexpr int kStep = kStep_, kMinimum = kMinimum_, kCenter = kCenter_;
  static constexpr int kGroup = 32;
  static constexpr bool kSigned = false;
};

template <WeightType kType>
struct FormatOf;

template <class F>
constexpr bool kHasMinimum = F::kMinimum != kNone;

template <>
struct FormatOf<WeightType::q4_0> : Format<WeightType::q4_0, 0, kNone, 8> {
  template <int>
  static Bytes quants(const uint8_t* b) {
    return load_nibbles(b + 2);
  }
};
template <>
struct FormatOf<WeightType::q4_1> : Format<WeightType::q4_1, 0, 2> {
  template <int>
  static Bytes quants(const uint8_t* b) {
    return load_nibbles(b + 4);
  }
};
template <>
struct FormatOf<WeightType::q5_0> : Format<WeightType::q5_0, 0, kNone, 16> {
  template <int>
  static Bytes quants(const uint8_t* b) {
    return load_nibbles(b + 6) | spread_bits(b + 2, 16);
  }
};
template <>
struct FormatOf<WeightType::q5_1> : Format<WeightType::q5_1, 0, 2> {
  template <int>
  static Bytes quants(const uint8_t* b) {
    return load_nibbles(b + 8) | spread_bits(b + 4, 16);
  }
};
template <>
struct FormatOf<WeightType::q8_0> : Format<WeightType::q8_0, 0> {
  static constexpr bool kSigned = true;
  template <int>
  static Bytes quants(const uint8_t* b) {
    return load_bytes(b + 2);
  }
};
template <>
struct FormatOf<WeightType::iq4_nl> : Format<WeightType::iq4_nl, 0> {
  static constexpr bool kSigned = true;
  template <int>
  static Bytes nibbles(const uint8_t* b) {
    return load_nibbles(b + 2);
  }
  template <int j>
  static Bytes quants(const uint8_t* b) {
    return look_up(kCurve, nibbles<j>(b));
  }
};

template <>
struct FormatOf<WeightType::q2_k> : Format<WeightType::q2_k, 80, 82> {
  static constexpr int kGroup = 16;
  template <int j>
  static Bytes quants(const uint8_t* b) {
    return bits<2 * (j % 4)>(load_bytes(b + 16 + 32 * (j / 4)), 3);
  }
  static GroupScales scales(const uint8_t* b) {
    const uint64_t a[2] = {two_words_at(b), two_words_at(b + 8)}, mask = every_byte(15);
    return {{a[0] & mask, a[1] & mask}, {a[0] >> 4 & mask, a[1] >> 4 & mask}};
  }
};

template <>
struct FormatOf<WeightType::q3_k> : Format<WeightType::q3_k, 108, kNone, 4> {
  static constexpr int kGroup = 16;
  template <int j>
  static Bytes quants(const uint8_t* b) {
    return bits<2 * (j % 4)>(load_bytes(b + 32 + 32 * (j / 4)), 3) | bits<j - 2>(load_bytes(b), 4);
  }
  static GroupScales scales(const uint8_t* b) {
    const uint64_t low = two_words_at(b + 96), words = word_at(b + 104);
    const uint64_t high[2] = {words | words >> 2 << 32, words >> 4 | words >> 6 << 32};
    auto joined = [](uint64_t four, uint64_t two) {
      return less_32((four & every_byte(15)) | (two & every_byte(3)) << 4);
    };
    return {{joined(low, high[0]), joined(low >> 4, high[1])}, {}};
  }
};

// The six-bit scales and minimums of Q4_K and Q5_K.
inline GroupScales six_bit_scales(const uint8_t* b) {
  const uint64_t a = two_words_at(b), last = word_at(b + 8);
  const uint64_t first_steps = a & 0xffffffff, first_minimums = a >> 32;
  auto joined = [](uint64_t first, uint64_t four) {
    const uint64_t second = (four & 0x0f0f0f0f) | (first >> 2 & 0x30303030);
    return (first & 0x3f3f3f3f) | second << 32;
  };
  return {{joined(first_steps, last), 0}, {joined(first_minimums, last >> 4), 0}};
}

template <>
struct FormatOf<WeightType::q4_k> : Format<WeightType::q4_k, 0, 2> {
  template <int j>
  static Bytes quants(const uint8_t* b) {
    return bits<4 * (j % 2)>(load_bytes(b + 16 + 32 * (j / 2)), 15);
  }
  static GroupScales scales(const uint8_t* b) { return six_bit_scales(b + 4); }
};
template <>
struct FormatOf<WeightType::q5_k> : Format<WeightType::q5_k, 0, 2> {
  template <int j>
  static Bytes quants(const uint8_t* b) {
    return bits<4 * (j % 2)>(load_bytes(b + 48 + 32 * (j / 2)), 15) |
           bits<j - 4>(load_bytes(b + 16), 16);
  }
  static GroupScales scales(const uint8_t* b) { return six_bit_scales(b + 4); }
};

template <>
struct FormatOf<WeightType::q6_k> : Format<WeightType::q6_k, 208, kNone, 32> {
  static constexpr int kGroup = 16;
  template <int j>
  static Bytes quants(const uint8_t* b) {
    constexpr int kHalf = j / 4, k = j % 4;
    return bits<4 * (k / 2)>(load_bytes(b + 64 * kHalf + 32 * (k % 2)), 15) |
           bits<2 * k - 4>(load_bytes(b + 128 + 32 * kHalf), 48);
  }
  static GroupScales scales(const uint8_t* b) {
    return {{two_words_at(b + 192), two_words_at(b + 200)}, {}};
  }
};

template <>
struct FormatOf<WeightType::iq4_xs> : Format<WeightType::iq4_xs, 0> {
  static constexpr bool kSigned = true;
  template <int j>
  static Bytes nibbles(const uint8_t* b) {
    return load_nibbles(b + 8 + 16 * j);
  }
  template <int j>
  static Bytes quants(const uint8_t* b) {
    return look_up(kCurve, nibbles<j>(b));
  }
  // Four bits of each and two bits of each, moved apart into bytes.
  static GroupScales scales(const uint8_t* b) {
    uint64_t low = word_at(b + 4), high = uint64_t(b[2] | b[3] << 8);
    low = (low | low << 16) & 0x0000ffff0000ffff;
    low = (low | low << 8) & 0x00ff00ff00ff00ff;
    low = (low | low << 4) & every_byte(15);
    high = (high | high << 24) & 0x000000ff000000ff;
    high = (high | high << 12) & 0x000f000f000f000f;
    high = (high | high << 6) & every_byte(3);
    return {{less_32(low | high << 4), 0}, {}};
  }
};

// visit(FormatOf<type>{}) for a type with integer products, or any type of the table; false for
// others.
template <bool kPlainToo = false, size_t i = 0, class Visit>
inline bool visit_quantized(WeightType type, const Visit& visit) {
  if constexpr (i < sizeof kTypes / sizeof *kTypes) {
    if constexpr (kPlainToo || kTypes[i].panel_bytes > 0)
      if (type == kTypes[i].type) return visit(FormatOf<kTypes[i].type>{}), true;
    return visit_quantized<kPlainToo, i + 1>(type, visit);
  } else {
    return false;
  }
}

}  // namespace
}  // namespace weir
