// One to four activation rows times a section of a panel: the codes are parted in registers and
// used at once. Written over panel_format-inl.h and one code_sum_*-inl.h.
#pragma once
#include <cstddef>
#include <cstdint>

#include "kernels/quant/panel_format-inl.h"

namespace weir {
namespace {

// An exact sum of more than 32 bits in two parts, which are below 2^24 when they become floats.
struct WideSum {
  Sixteen upper = splat_int(0), lower = splat_int(0);  // 2^16 upper + lower

  // `sum`: any 32 bits.
  [[gnu::always_inline]] void add(Sixteen sum) {
    upper = upper + upper_bits<16>(sum);
    lower = lower + (sum & splat_int(0xffff));
  }
  // 128 high + low, each below 2^30.
  [[gnu::always_inline]] static WideSum of_bytes(Sixteen high, Sixteen low) {
    WideSum wide;
    wide.upper = upper_bits<9>(high);
    wide.add(low + shifted_ints<7>(high & splat_int(511)));
    return wide;
  }
  // Rounded once.
  [[gnu::always_inline]] Lanes rounded() const {
    return fma(floats_of(upper), splat(65536), floats_of(lower));
  }
};

// Types whose sums of a block of 256 may need more than 32 bits: 256 * 8191 * steps of six or eight
// bits * integers.
template <class F>
constexpr bool kIsWide =
    F::kType == WeightType::q5_k || F::kType == WeightType::q6_k || F::kType == WeightType::iq4_xs;
// Codes of eight bits are multiplied as words.
template <class F>
constexpr bool kHasByteCodes = kCodeCenter<F> >= 128;

// Asks for an eighth of a section, the j-th, that is read later: the processor's own prefetching
// stops at every page.
template <class F>
[[gnu::always_inline]] inline void prefetch_share(const uint8_t* section, int j) {
  constexpr int kShare = int(section_bytes<F>(8) / 8);
  for (int line = 0; line < kShare; line += 64) __builtin_prefetch(section + j * kShare + line);
}
constexpr int kAhead = 3072;  // bytes, where sections are read one after another

// Adds quads [q, q + count) of group j to the sums of the activation rows.
template <class F, int q, int count, int R>
[[gnu::always_inline]] inline void add_quads(const uint8_t* group, const QuantizedSection* const* a,
                                             int j, CodeSum (&sum)[R]) {
  if constexpr (count > 0) {
    const Sixteen codes = quad_of<F, q>(group);
#pragma GCC unroll 4
    for (int r = 0; r < R; ++r) sum[r].add(codes, *a[r], 32 * j + 4 * q);
    add_quads<F, q + 1, count - 1, R>(group, a, j, sum);
  }
}
// All quads of group j, as words.
template <class F, int q, int R>
[[gnu::always_inline]] inline void add_word_quads(const uint8_t* group,
                                                  const QuantizedSection* const* a, int j,
                                                  Sixteen (&sum)[R]) {
  const Sixteen codes = quad_of<F, q>(group);
#pragma GCC unroll 4
  for (int pair = 0; pair < 2; ++pair) {
    const Sixteen words = words_of(codes, pair);
#pragma GCC unroll 4
    for (int r = 0; r < R; ++r)
      add_lane_words(words, a[r]->words + 32 * j + 4 * q + 2 * pair, sum[r]);
  }
  if constexpr (q + 1 < kQuads) add_word_quads<F, q + 1, R>(group, a, j, sum);
}

// Sums of 32 numbers less their centre.
template <class F, int R>
[[gnu::always_inline]] inline void sum_block(const PanelSection<F>& s, int j,
                                             const QuantizedSection* const* a,
                                             Sixteen (&total)[R]) {
#pragma GCC unroll 4
  for (int r = 0; r < R; ++r) total[r] = splat_int(-kCodeCenter<F> * sum_of_block(*a[r], j));
  if constexpr (kHasByteCodes<F>) {
    add_word_quads<F, 0, R>(s.group(j), a, j, total);
  } else {
    CodeSum sum[R];
    add_quads<F, 0, kQuads, R>(s.group(j), a, j, sum);
#pragma GCC unroll 4
    for (int r = 0; r < R; ++r) total[r] = sum[r].plus(total[r]);
  }
}

// The sum over the groups of a block of 256 of row(group) * the sum of its numbers, added to the
// sums of the high and the low bytes.
template <class F, class Row>
[[gnu::always_inline]] inline void add_weighted_sums(const QuantizedSection& a, const Row& row,
                                                     Sixteen& high, Sixteen& low) {
#pragma GCC unroll 8
  for (int j = 0; j < 8; ++j) {
    const Sixteen words =
        F::kGroup == 16 ? paired_words(row(2 * j), row(2 * j + 1)) : doubled_words(row(j));
    add_lane_words(words, a.sums_high + 2 * j, high);
    add_lane_words(words, a.sums_low + 2 * j, low);
  }
}
// What multiplies the least of a block.
template <class F>
[[gnu::always_inline]] inline Sixteen minimum_sums(const PanelSection<F>& s,
                                                   const QuantizedSection& a) {
  Sixteen high = splat_int(0), low = splat_int(0);
  add_weighted_sums<F>(
      a, [&](int g) { return minimum_row(s, g); }, high, low);
  return shifted_ints<7>(high) + low;
}

// Group j of a block of 256, from quad q on, times its integer steps.
template <class F, int q, int R>
[[gnu::always_inline]] inline void add_group(const PanelSection<F>& s, int j,
                                             const QuantizedSection* const* a, Sixteen (&high)[R],
                                             Sixteen (&low)[R]) {
  constexpr int kOfStep = F::kGroup / 4;
  CodeSum sum[R];
  add_quads<F, q, kOfStep, R>(s.group(j), a, j, sum);
  // The sum of a group's codes times bytes of an activation.
  constexpr bool kFitWords =
      F::kGroup * ((1 << traits_of(F::kType).code_bits) - 1) * 64 <= 0x7fff && !kHasTable<F>;
  const Sixteen steps = CodeSum::steps < kFitWords &&
                        !kIsWide < F >> (step_row(s, j * (32 / F::kGroup) + q / kOfStep));
#pragma GCC unroll 4
  for (int r = 0; r < R; ++r) {
    if constexpr (kIsWide<F>)
      sum[r].times(steps, high[r], low[r]);
    else
      low[r] = sum[r].template times<kFitWords>(steps, low[r]);
  }
  if constexpr (q + kOfStep < kQuads) add_group<F, q + kOfStep, R>(s, j, a, high, low);
}

// The integer sums of a block of 256, as floats.
template <class F, int R>
[[gnu::always_inline]] inline void sum_large(const PanelSection<F>& s,
                                             const QuantizedSection* const* a, Lanes (&sum)[R]) {
  if constexpr (kHasByteCodes<F>) {
    WideSum wide[R];
    for (int j = 0; j < 8; ++j) {
      prefetch_share<F>(s.at + kAhead, j);
      Sixteen block[R];
      sum_block<F, R>(s, j, a, block);
      const Sixteen steps = int_lanes(step_row(s, j));
#pragma GCC unroll 4
      for (int r = 0; r < R; ++r) wide[r].add(multiply_ints(block[r], steps));
    }
#pragma GCC unroll 4
    for (int r = 0; r < R; ++r) sum[r] = wide[r].rounded();
  } else {
    Sixteen high[R], low[R];
#pragma GCC unroll 4
    for (int r = 0; r < R; ++r) {
      high[r] = low[r] = splat_int(0);
      if constexpr (kCodeCenter<F> != 0) {
        add_weighted_sums<F>(
            *a[r], [&](int g) { return step_row(s, g); }, high[r], low[r]);
        constexpr int kShift = __builtin_ctz(unsigned(kCodeCenter<F>));
        high[r] = splat_int(0) - shifted_ints<kShift>(high[r]);
        low[r] = splat_int(0) - shifted_ints<kShift>(low[r]);
        if constexpr (!kIsWide<F>) low[r] = shifted_ints<7>(high[r]) + low[r];
      }
    }
    for (int j = 0; j < 8; ++j) {
      prefetch_share<F>(s.at + kAhead, j);
      add_group<F, 0, R>(s, j, a, high, low);
    }
#pragma GCC unroll 4
    for (int r = 0; r < R; ++r)
      sum[r] = kIsWide<F> ? WideSum::of_bytes(high[r], low[r]).rounded() : floats_of(low[r]);
  }
}

// product[r] = fma(f, scale, product[r]) of a section, see integer_gemm.h.
template <class F, int R>
[[gnu::always_inline]] inline void few_rows(const PanelSection<F>& s,
                                            const QuantizedSection* const* a, Lanes (&product)[R]) {
  if constexpr (PanelSection<F>::kIsLarge) {
    Lanes sum[R];
    sum_large<F, R>(s, a, sum);
    const Lanes unit = load_f16(s.units());
#pragma GCC unroll 4
    for (int r = 0; r < R; ++r) {
      Lanes f = sum[r] * unit;
      if constexpr (kHasMinimum<F>)
        f = multiply_minus(floats_of(minimum_sums(s, *a[r])), load_f16(s.minimums()), f);
      product[r] = fma(f, splat(a[r]->scale), product[r]);
    }
  } else {
    Lanes f[R];
#pragma GCC unroll 4
    for (int r = 0; r < R; ++r) f[r] = splat(0);
    for (int j = 0; j < s.blocks; ++j) {
      prefetch_share<F>(s.at + kAhead, j);
      Sixteen total[R];
      sum_block<F, R>(s, j, a, total);
      const Lanes step = load_f16(s.units(j));
#pragma GCC unroll 4
      for (int r = 0; r < R; ++r) {
        f[r] = fma(floats_of(total[r]), step, f[r]);
        if constexpr (kHasMinimum<F>)
          f[r] = fma(splat(float(sum_of_block(*a[r], j))), load_f16(s.minimums(j)), f[r]);
      }
    }
#pragma GCC unroll 4
    for (int r = 0; r < R; ++r) product[r] = fma(f[r], splat(a[r]->scale), product[r]);
  }
}

}  // namespace
}  // namespace weir
