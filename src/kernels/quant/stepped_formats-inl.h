// Where the types without integer products keep their numbers, one struct a type; types.h lists
// them, dequantize_grids.cpp and dequantize_narrow.cpp define their bytes. Written over the
// functions of one bytes_*-inl.h.
//
// A type has, for the 32 numbers from 32 j on, `quants` (bytes with their sign) and `steps`, a
// float for every 16 numbers of the block, so that a number is quant * step. These floats are
// exact, so the product is the only rounding, as in the definition.
#pragma once
#include "kernels/quant/formats-inl.h"
#include "kernels/quant/grids.h"

namespace weir {
namespace {

// In place of the half of other formats.
constexpr int kOwnSteps = -2;

template <WeightType kType_>
struct SteppedFormat {
  static constexpr WeightType kType = kType_;
  static constexpr int kNumbers = traits_of(kType).block, kBytes = traits_of(kType).block_bytes;
  static constexpr int kStep = kOwnSteps;
};

inline uint32_t half_word_at(const uint8_t* p) { return uint32_t(p[0] | p[1] << 8); }

// Thirty-two bytes that are put together eight at a time.
struct Eights {
  uint64_t v[4];
  Bytes bytes() const { return load_bytes(v); }
};

// Bytes from 1 to 127, those with a set bit in `signs` negated.
inline uint64_t with_signs(uint64_t magnitudes, uint32_t signs) {
  const uint64_t own = every_byte(signs) & 0x8040201008040201;
  const uint64_t ones = (own + every_byte(0x7f)) >> 7 & every_byte(1);
  return (magnitudes ^ ones * 255) + ones;
}
// Seven signs, and an eighth that makes the number of negative ones even.
inline uint32_t eight_signs(uint32_t seven) {
  return seven | uint32_t(__builtin_parity(seven)) << 7;
}

// Steps of groups of 16, each with a scale of four bits: unit * (start + scale).
inline void steps_of_four_bits(const uint8_t* scales, float unit, float start, float* to) {
  for (int i = 0; i < 16; ++i) to[i] = unit * (start + float(scales[i / 2] >> (4 * (i % 2)) & 15));
}
inline void both_steps(float step, int j, float* to) { to[2 * j] = to[2 * j + 1] = step; }

template <>
struct FormatOf<WeightType::iq2_xxs> : SteppedFormat<WeightType::iq2_xxs> {
  template <int j>
  static Bytes quants(const uint8_t* b) {
    const uint8_t* codes = b + 2 + 8 * j;
    const uint32_t signs = uint32_t(word_at(codes + 4));
    Eights to;
    for (int k = 0; k < 4; ++k)
      to.v[k] = with_signs(kGrid2xxs.points[codes[k]], eight_signs(signs >> (7 * k) & 127));
    return to.bytes();
  }
  static void steps(const uint8_t* b, float* to) {
    const float quarter = half_at(b) * 0.25f;
    for (int j = 0; j < 8; ++j) both_steps(quarter * (0.5f + float(b[9 + 8 * j] >> 4)), j, to);
  }
};

template <>
struct FormatOf<WeightType::iq2_xs> : SteppedFormat<WeightType::iq2_xs> {
  template <int j>
  static Bytes quants(const uint8_t* b) {
    Eights to;
    for (int k = 0; k < 4; ++k) {
      const uint32_t code = half_word_at(b + 2 + 8 * j + 2 * k);
      to.v[k] = with_signs(kGrid2xs.points[code & 511], eight_signs(code >> 9));
    }
    return to.bytes();
  }
  static void steps(const uint8_t* b, float* to) {
    steps_of_four_bits(b + 66, half_at(b) * 0.25f, 0.5f, to);
  }
};

template <>
struct FormatOf<WeightType::iq2_s> : SteppedFormat<WeightType::iq2_s> {
  template <int j>
  static Bytes quants(const uint8_t* b) {
    const uint8_t *codes = b + 2 + 4 * j, *signs = b + 34 + 4 * j;
    const uint32_t high = b[66 + j];
    Eights to;
    for (int k = 0; k < 4; ++k)
      to.v[k] = with_signs(kGrid2s.points[codes[k] | (high >> (2 * k) & 3) << 8], signs[k]);
    return to.bytes();
  }
  static void steps(const uint8_t* b, float* to) {
    steps_of_four_bits(b + 74, half_at(b) * 0.25f, 0.5f, to);
  }
};

template <>
struct FormatOf<WeightType::iq3_xxs> : SteppedFormat<WeightType::iq3_xxs> {
  template <int j>
  static Bytes quants(const uint8_t* b) {
    const uint8_t* codes = b + 2 + 8 * j;
    const uint32_t signs = uint32_t(word_at(b + 66 + 4 * j));
    Eights to;
    for (int k = 0; k < 4; ++k)
      to.v[k] =
          with_signs(kGrid3xxs.points[codes[2 * k]] | kGrid3xxs.points[codes[2 * k + 1]] << 32,
                     eight_signs(signs >> (7 * k) & 127));
    return to.bytes();
  }
  static void steps(const uint8_t* b, float* to) {
    const float half = half_at(b) * 0.5f;
    for (int j = 0; j < 8; ++j) both_steps(half * (0.5f + float(b[69 + 4 * j] >> 4)), j, to);
  }
};

template <>
struct FormatOf<WeightType::iq3_s> : SteppedFormat<WeightType::iq3_s> {
  template <int j>
  static Bytes quants(const uint8_t* b) {
    const uint8_t *codes = b + 2 + 8 * j, *signs = b + 74 + 4 * j;
    const uint32_t high = b[66 + j];
    const auto point = [&](int i) { return kGrid3s.points[codes[i] | (high >> i & 1) << 8]; };
    Eights to;
    for (int k = 0; k < 4; ++k)
      to.v[k] = with_signs(point(2 * k) | point(2 * k + 1) << 32, signs[k]);
    return to.bytes();
  }
  static void steps(const uint8_t* b, float* to) {
    const float d = half_at(b);
    for (int j = 0; j < 8; ++j)
      both_steps(d * float(1 + 2 * (b[106 + j / 2] >> (4 * (j % 2)) & 15)), j, to);
  }
};

// Eight times the numbers: points of -8, 0 and 8, to which one is added or taken away. No carry
// leaves a byte: the sum of its lower seven bits is made apart from its sign.
inline uint64_t moved_by_one(uint64_t point, bool is_below) {
  const uint64_t one = is_below ? every_byte(0xff) : every_byte(1), top = every_byte(0x80);
  return ((point & ~top) + (one & ~top)) ^ ((point ^ one) & top);
}

template <>
struct FormatOf<WeightType::iq1_s> : SteppedFormat<WeightType::iq1_s> {
  template <int j>
  static Bytes quants(const uint8_t* b) {
    const uint8_t* codes = b + 2 + 4 * j;
    const uint32_t rest = half_word_at(b + 34 + 2 * j);
    Eights to;
    for (int k = 0; k < 4; ++k)
      to.v[k] = moved_by_one(kGrid1.points[codes[k] | (rest >> (3 * k) & 7) << 8], rest >> 15 & 1);
    return to.bytes();
  }
  static void steps(const uint8_t* b, float* to) {
    const float eighth = half_at(b) * 0.125f;
    for (int j = 0; j < 8; ++j) both_steps(eighth * float(2 * (b[35 + 2 * j] >> 4 & 7) + 1), j, to);
  }
};

template <>
struct FormatOf<WeightType::iq1_m> : SteppedFormat<WeightType::iq1_m> {
  template <int j>
  static Bytes quants(const uint8_t* b) {
    const uint8_t *codes = b + 4 * j, *high = b + 32 + 2 * j;
    Eights to;
    for (int k = 0; k < 4; ++k) {
      const uint32_t more = high[k / 2] >> (4 * (k % 2)) & 15;
      to.v[k] = moved_by_one(kGrid1.points[codes[k] | (more & 7) << 8], more >> 3);
    }
    return to.bytes();
  }
  static void steps(const uint8_t* b, float* to) {
    const uint8_t* scales = b + 48;
    uint32_t bits16 = 0;
    for (int i = 0; i < 4; ++i) bits16 |= uint32_t(scales[2 * i + 1] >> 4) << 4 * i;
    const uint8_t half[2] = {uint8_t(bits16 & 255), uint8_t(bits16 >> 8)};
    const float eighth = half_at(half) * 0.125f;
    for (int g = 0; g < 16; ++g)
      to[g] = eighth * float(2 * (half_word_at(scales + g / 4 * 2) >> (3 * (g % 4)) & 7) + 1);
  }
};

inline void same_steps(float step, int groups, float* to) {
  for (int g = 0; g < groups; ++g) to[g] = step;
}

template <>
struct FormatOf<WeightType::tq1_0> : SteppedFormat<WeightType::tq1_0> {
  template <int j>
  static Bytes quants(const uint8_t* b) {
    alignas(32) uint8_t digits[32];
    for (int i = 0; i < 32; ++i) {
      if constexpr (j < 5) {
        digits[i] = digit(b[i], j);
      } else if constexpr (j < 7) {
        digits[i] = digit(b[32 + i % 16], 2 * (j - 5) + i / 16);
      } else {
        digits[i] = i < 16 ? digit(b[32 + i], 4) : digit(b[48 + i % 4], (i - 16) / 4);
      }
    }
    return load_bytes(digits);
  }
  static void steps(const uint8_t* b, float* to) { same_steps(half_at(b + 52), 16, to); }

 private:
  // Digit `at` less one.
  static uint8_t digit(uint8_t byte, int at) {
    constexpr uint8_t kPowers[] = {1, 3, 9, 27, 81};
    return uint8_t((uint8_t(byte * kPowers[at]) * 3 >> 8) - 1);
  }
};

template <>
struct FormatOf<WeightType::tq2_0> : SteppedFormat<WeightType::tq2_0> {
  template <int j>
  static Bytes quants(const uint8_t* b) {
    return minus(bits<2 * (j % 4)>(load_bytes(b + 32 * (j / 4)), 3), 1);
  }
  static void steps(const uint8_t* b, float* to) { same_steps(half_at(b + 64), 16, to); }
};

template <>
struct FormatOf<WeightType::mxfp4> : SteppedFormat<WeightType::mxfp4> {
  template <int>
  static Bytes quants(const uint8_t* b) {
    return look_up(kTwiceE2M1, load_nibbles(b + 1));
  }
  static void steps(const uint8_t* b, float* to) {
    const uint32_t bits32 = b[0] < 2 ? 0x00200000u << b[0] : uint32_t(b[0] - 1) << 23;
    float half;
    __builtin_memcpy(&half, &bits32, sizeof half);
    same_steps(half, 2, to);
  }
};

template <>
struct FormatOf<WeightType::nvfp4> : SteppedFormat<WeightType::nvfp4> {
  // Each eight bytes are sixteen numbers, the lower halves first.
  template <int j>
  static Bytes quants(const uint8_t* b) {
    Eights to;
    for (int k = 0; k < 2; ++k) {
      const uint64_t two = two_words_at(b + 4 + 16 * j + 8 * k);
      to.v[2 * k] = two & every_byte(15);
      to.v[2 * k + 1] = two >> 4 & every_byte(15);
    }
    return look_up(kTwiceE2M1, to.bytes());
  }
  // As f8_to_f32 without a sign, halved; 0x7f counts as zero.
  static void steps(const uint8_t* b, float* to) {
    for (int g = 0; g < 4; ++g) {
      const uint32_t exponent = b[g] >> 3 & 15, mantissa = b[g] & 7;
      const uint32_t bits32 = (exponent + 119) << 23 | mantissa << 20;
      __builtin_memcpy(to + g, &bits32, sizeof bits32);
      if (exponent == 0) to[g] = float(mantissa) * 0x1p-10f;
      if (b[g] == 0x7f) to[g] = 0;
    }
  }
};

template <>
struct FormatOf<WeightType::q1_0> : SteppedFormat<WeightType::q1_0> {
  template <int j>
  static Bytes quants(const uint8_t* b) {
    return minus(spread_bits(b + 2 + 4 * j, 2), 1);
  }
  static void steps(const uint8_t* b, float* to) { same_steps(half_at(b), 8, to); }
};

template <>
struct FormatOf<WeightType::q2_0> : SteppedFormat<WeightType::q2_0> {
  // A byte has four numbers side by side.
  template <int j>
  static Bytes quants(const uint8_t* b) {
    Eights to;
    for (int k = 0; k < 4; ++k) {
      uint64_t spread = half_word_at(b + 2 + 8 * j + 2 * k);
      spread = (spread | spread << 24) & 0x000000ff000000ff;
      spread = (spread | spread << 12) & 0x000f000f000f000f;
      to.v[k] = (spread | spread << 6) & every_byte(3);
    }
    return minus(to.bytes(), 1);
  }
  static void steps(const uint8_t* b, float* to) { same_steps(half_at(b), 4, to); }
};

}  // namespace
}  // namespace weir
