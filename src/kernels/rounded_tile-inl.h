// Products of rounded left rows with quantized rows: bytes times bytes, added in 32-bit integers
// within a block and in eight float lanes over the blocks. Integers are exact, so this is the
// definition, whatever the instruction set, and however many rows are taken at a time:
//   blocks of 32    i[l] = sum of q a over elements 4l .. 4l+3;      f[l] = i[l] step
//                   with a minimum f[l] = fma(minimum, sum(a) / 8, f[l])
//   blocks of 256   i[l] = sum of s q a over elements k with k / 4 % 8 = l;  f[l] = i[l] step
//                   o[l] = minimums times sums of a, as multiply_pairs pairs them
//                   with one unit for both i[l] -= o[l], else f[l] = fma(-o[l], least, f[l])
//   lane[l] = fma(f[l], scale of the left block, lane[l]);   the product is sum_of(lane)
// Written over formats-inl.h and rounded-inl.h.
#pragma once
#include <cstddef>
#include <cstdint>

#include "kernels/formats-inl.h"
#include "kernels/rounded-inl.h"

namespace weir {
namespace {

// What the minimums of a type are multiples of.
enum class Offset { none, own, step };

// A block of 256: integer scales and minimums in the order of select_word, and their units.
struct BlockScales {
  Words steps, minimums;
  Eight step, least;
};

// The blocks of a type as its rows have them.
template <class F>
struct StoredBlocks {
  static constexpr int kNumbers = F::kNumbers, kBytes = F::kBytes;
  // In blocks of 32 the centre is taken from the bytes, in the others from the sums.
  static constexpr bool kCentered = F::kCenter != 0 && kNumbers == 32;
  static constexpr bool kSigned = F::kSigned || kCentered;
  static constexpr Offset kOffset = F::kMinimum != kNone            ? Offset::own
                                    : F::kCenter != 0 && !kCentered ? Offset::step
                                                                    : Offset::none;
  template <int j>
  static Bytes quants(const uint8_t* b) {
    const Bytes q = F::template quants<j>(b);
    return kCentered ? minus(q, F::kCenter) : q;
  }
  static Eight step(const uint8_t* b) { return splat_half_eight(b + F::kStep); }
  static Eight minimum(const uint8_t* b) { return splat_half_eight(b + F::kMinimum); }
  static BlockScales scales(const uint8_t* b) {
    const GroupScales s = F::scales(b);
    auto words = [](const uint64_t* p) {
      return F::kGroup == 16 ? split_bytes(p) : double_bytes(*p);
    };
    BlockScales r;
    r.step = step(b);
    r.steps = words(s.step);
    if constexpr (F::kMinimum != kNone) {
      r.least = minimum(b);
      r.minimums = words(s.minimum);
    } else if constexpr (kOffset == Offset::step) {
      r.minimums = r.steps * splat_word(F::kCenter);
    }
    return r;
  }
};

// The same blocks spread out, to be met by many left rows: bytes, then the scales.
template <int kNumbers_, bool kSigned_, Offset kOffset_>
struct SpreadBlocks {
  static constexpr int kNumbers = kNumbers_;
  static constexpr bool kSigned = kSigned_;
  static constexpr Offset kOffset = kOffset_;
  struct Small {
    uint8_t quants[32];
    float step, minimum;
  };
  struct Large {
    uint8_t quants[256];
    int16_t steps[16], minimums[16];
    float step, least;
  };
  static constexpr int kBytes = int(kNumbers == 32 ? sizeof(Small) : sizeof(Large));

  static const Small& small(const uint8_t* b) { return *reinterpret_cast<const Small*>(b); }
  static const Large& large(const uint8_t* b) { return *reinterpret_cast<const Large*>(b); }
  template <int j>
  static Bytes quants(const uint8_t* b) {
    return load_bytes(b + 32 * j);
  }
  static Eight step(const uint8_t* b) { return splat_eight(small(b).step); }
  static Eight minimum(const uint8_t* b) { return splat_eight(small(b).minimum); }
  static BlockScales scales(const uint8_t* b) {
    const Large& block = large(b);
    return {load_words(block.steps), load_words(block.minimums), splat_eight(block.step),
            splat_eight(block.least)};
  }
};

template <class F>
using SpreadOf = SpreadBlocks<F::kNumbers, StoredBlocks<F>::kSigned, StoredBlocks<F>::kOffset>;

template <class F, int j = 0>
[[gnu::always_inline]] inline void spread_quants(const uint8_t* b, uint8_t* to) {
  store_bytes(to + 32 * j, StoredBlocks<F>::template quants<j>(b));
  if constexpr (32 * (j + 1) < F::kNumbers) spread_quants<F, j + 1>(b, to);
}

template <class F>
void spread_row(const uint8_t* b, int inner, uint8_t* to) {
  using From = StoredBlocks<F>;
  using To = SpreadOf<F>;
  for (int k = 0; k < inner; k += F::kNumbers, b += From::kBytes, to += To::kBytes) {
    spread_quants<F>(b, to);
    if constexpr (F::kNumbers == 32) {
      auto& block = *reinterpret_cast<typename To::Small*>(to);
      block.step = half_at(b + F::kStep);
      if constexpr (From::kOffset == Offset::own) block.minimum = half_at(b + F::kMinimum);
    } else {
      auto& block = *reinterpret_cast<typename To::Large*>(to);
      const BlockScales scales = From::scales(b);
      block.step = half_at(b + F::kStep);
      store_words(block.steps, scales.steps);
      if constexpr (From::kOffset != Offset::none) store_words(block.minimums, scales.minimums);
      if constexpr (From::kOffset == Offset::own) block.least = half_at(b + F::kMinimum);
    }
  }
}

// C rows of blocks that meet R rounded rows.
template <class B, int R, int C>
struct RoundedTile {
  RoundedRow left[R];
  const uint8_t* right[C];
  Eight sum[R][C];

  [[gnu::always_inline]] static Words pairs(Bytes quants, Bytes a) {
    if constexpr (B::kSigned)
      return multiply_signed_pairs(quants, a);
    else
      return multiply_pairs(quants, a);
  }

  [[gnu::always_inline]] void small_block(int i) {
#pragma GCC unroll 4
    for (int c = 0; c < C; ++c) {
      const Bytes quants = B::template quants<0>(right[c]);
      const Eight step = B::step(right[c]);
#pragma GCC unroll 4
      for (int r = 0; r < R; ++r) {
        const Words products = pairs(quants, load_bytes(left[r].bytes + 32 * i));
        Eight f = floats_of(multiply_pairs(products, splat_word(1))) * step;
        if constexpr (B::kOffset == Offset::own)
          f = fma(B::minimum(right[c]), splat_eight(left[r].eighths[i]), f);
        sum[r][c] = fma(f, splat_eight(left[r].scales[i]), sum[r][c]);
      }
    }
  }

  template <int j = 0>
  [[gnu::always_inline]] void groups(int i, const Words (&steps)[C], Ints (&total)[R][C]) const {
#pragma GCC unroll 4
    for (int c = 0; c < C; ++c) {
      const Bytes quants = B::template quants<j>(right[c]);
      const Words step = select_word<j>(steps[c]);
#pragma GCC unroll 4
      for (int r = 0; r < R; ++r) {
        const Words products = pairs(quants, load_bytes(left[r].bytes + 256 * i + 32 * j));
        const Ints part = multiply_pairs(products, step);
        total[r][c] = j == 0 ? part : total[r][c] + part;
      }
    }
    if constexpr (j < 7) groups<j + 1>(i, steps, total);
  }

  [[gnu::always_inline]] void large_block(int i) {
    BlockScales scales[C];
    Words steps[C];
    Ints total[R][C];
#pragma GCC unroll 4
    for (int c = 0; c < C; ++c) {
      scales[c] = B::scales(right[c]);
      steps[c] = scales[c].steps;
    }
    groups(i, steps, total);
#pragma GCC unroll 4
    for (int c = 0; c < C; ++c)
#pragma GCC unroll 4
      for (int r = 0; r < R; ++r) {
        Ints offset;
        if constexpr (B::kOffset != Offset::none)
          offset = multiply_pairs(scales[c].minimums, load_words(left[r].sums + 16 * i));
        if constexpr (B::kOffset == Offset::step) total[r][c] = total[r][c] - offset;
        Eight f = floats_of(total[r][c]) * scales[c].step;
        if constexpr (B::kOffset == Offset::own)
          f = minus_product(floats_of(offset), scales[c].least, f);
        sum[r][c] = fma(f, splat_eight(left[r].scales[i]), sum[r][c]);
      }
  }

  // `ahead`: bytes from each row to what is needed next.
  [[gnu::always_inline]] void run(int inner, size_t ahead) {
    for (int r = 0; r < R; ++r)
      for (int c = 0; c < C; ++c) sum[r][c] = splat_eight(0);
    for (int i = 0; i < inner / B::kNumbers; ++i) {
      for (int c = 0; c < C && ahead > 0; ++c)
        for (int line = 0; line < B::kBytes; line += 64)
          __builtin_prefetch(right[c] + ahead + line);
      if constexpr (B::kNumbers == 32)
        small_block(i);
      else
        large_block(i);
      for (int c = 0; c < C; ++c) right[c] += B::kBytes;
    }
  }
};

}  // namespace
}  // namespace weir
