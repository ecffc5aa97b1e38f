// Many activation rows times a section of a panel: the codes are spread to words once, with their
// steps multiplied in, and used for all rows. Written over panel_few-inl.h.
#pragma once
#include <cstddef>
#include <cstdint>

#include "kernels/quant/panel_few-inl.h"

namespace weir {
namespace {

// A section of a panel as words: lane r of words[k] has numbers 2 k and 2 k + 1 of row r, less
// their centre and times their integer steps.
struct SpreadSection {
  Sixteen words[kSection / 2];
  Sixteen minimums[8];  // integer ones, of two groups of 16 numbers each
  Lanes units[8];       // of every block; the first only of a block of 256
  Lanes least[8];
};

template <class F, int q>
[[gnu::always_inline]] inline void spread_quads(const PanelSection<F>& s, int j,
                                                SpreadSection& to) {
  const Sixteen codes = quad_of<F, q>(s.group(j));
#pragma GCC unroll 2
  for (int pair = 0; pair < 2; ++pair) {
    Sixteen words = words_of(codes, pair);
    if constexpr (kCodeCenter<F> != 0) words = subtract_words(words, splat_words(kCodeCenter<F>));
    if constexpr (F::kNumbers == 256)
      words = multiply_words(words,
                             doubled_words(step_row(s, j * (32 / F::kGroup) + 4 * q / F::kGroup)));
    to.words[16 * j + 2 * q + pair] = words;
  }
  if constexpr (q + 1 < kQuads) spread_quads<F, q + 1>(s, j, to);
}

// `next`: the section that is spread after this one.
template <class F>
void spread(const PanelSection<F>& s, const uint8_t* next, SpreadSection& to) {
  for (int j = 0; j < s.blocks; ++j) {
    prefetch_share<F>(next, j);
    spread_quads<F, 0>(s, j, to);
  }
  for (int b = 0; b < (F::kNumbers == 256 ? 1 : s.blocks); ++b) {
    to.units[b] = load_f16(s.units(b));
    if constexpr (kHasMinimum<F>) to.least[b] = load_f16(s.minimums(b));
  }
  if constexpr (F::kNumbers == 256 && kHasMinimum<F>)
    for (int j = 0; j < 8; ++j)
      to.minimums[j] = F::kGroup == 16
                           ? paired_words(minimum_row(s, 2 * j), minimum_row(s, 2 * j + 1))
                           : doubled_words(minimum_row(s, j));
}

// The integer sums of R activation rows over kCount words from `begin` on. On its own and of a
// constant length, as g++ 12 else keeps the sums in memory.
template <int R, int kCount>
[[gnu::noinline]] void sum_words(const Sixteen* words, int begin,
                                 const QuantizedSection* const* rows, Sixteen* to) {
  const int16_t* a[R];
  Sixteen sum[R];
#pragma GCC unroll 16
  for (int r = 0; r < R; ++r) a[r] = rows[r]->words + 2 * begin, sum[r] = splat_int(0);
  words += begin;
  for (int k = 0; k < kCount; ++k) {
    const Sixteen w = words[k];
#pragma GCC unroll 16
    for (int r = 0; r < R; ++r) add_lane_words(w, a[r] + 2 * k, sum[r]);
  }
#pragma GCC unroll 16
  for (int r = 0; r < R; ++r) to[r] = sum[r];
}

// Of a block of 256, as floats. A quarter of it fits 32 bits for every type: 64 * 4096 * 8191.
template <int R>
void sum_large_words(const SpreadSection& s, bool is_wide, const QuantizedSection* const* rows,
                     Lanes* to) {
  Sixteen sum[R];
  if (!is_wide) {
    sum_words<R, kSection / 2>(s.words, 0, rows, sum);
    for (int r = 0; r < R; ++r) to[r] = floats_of(sum[r]);
    return;
  }
  WideSum wide[R];
  for (int begin = 0; begin < kSection / 2; begin += kSection / 8) {
    sum_words<R, kSection / 8>(s.words, begin, rows, sum);
    for (int r = 0; r < R; ++r) wide[r].add(sum[r]);
  }
  for (int r = 0; r < R; ++r) to[r] = wide[r].rounded();
}

// R activation rows: product[r] = fma(f, scale, product[r]), at `products` + 16 r.
template <int R>
void word_tile_large(const SpreadSection& s, bool is_wide, bool has_minimum,
                     const QuantizedSection* const* rows, float* products) {
  Lanes sum[R];
  sum_large_words<R>(s, is_wide, rows, sum);
  for (int r = 0; r < R; ++r) {
    Lanes f = sum[r] * s.units[0];
    if (has_minimum) {
      Sixteen high = splat_int(0), low = splat_int(0);
#pragma GCC unroll 8
      for (int j = 0; j < 8; ++j) {
        add_lane_words(s.minimums[j], rows[r]->sums_high + 2 * j, high);
        add_lane_words(s.minimums[j], rows[r]->sums_low + 2 * j, low);
      }
      f = multiply_minus(floats_of(shifted_ints<7>(high) + low), s.least[0], f);
    }
    store(products + 16 * r, fma(f, splat(rows[r]->scale), load(products + 16 * r)));
  }
}

template <int R>
void word_tile_small(const SpreadSection& s, bool has_minimum, int blocks,
                     const QuantizedSection* const* rows, float* products) {
  const QuantizedSection* a[R];
  alignas(64) float f[R][16];
#pragma GCC unroll 16
  for (int r = 0; r < R; ++r) {
    a[r] = rows[r];
    store(f[r], splat(0));
  }
  for (int b = 0; b < blocks; ++b) {
    Sixteen sum[R];
#pragma GCC unroll 16
    for (int r = 0; r < R; ++r) sum[r] = splat_int(0);
#pragma GCC unroll 2
    for (int k = 16 * b; k < 16 * b + 16; ++k) {
      const Sixteen w = s.words[k];
#pragma GCC unroll 16
      for (int r = 0; r < R; ++r) add_lane_words(w, a[r]->words + 2 * k, sum[r]);
    }
#pragma GCC unroll 16
    for (int r = 0; r < R; ++r) {
      Lanes y = fma(floats_of(sum[r]), s.units[b], load(f[r]));
      if (has_minimum) y = fma(splat(float(sum_of_block(*a[r], b))), s.least[b], y);
      store(f[r], y);
    }
  }
#pragma GCC unroll 16
  for (int r = 0; r < R; ++r)
    store(products + 16 * r, fma(load(f[r]), splat(a[r]->scale), load(products + 16 * r)));
}

// Any number of activation rows from 1 to R.
template <int R>
void word_tile(const SpreadSection& s, bool is_large, bool is_wide, bool has_minimum, int blocks,
               const QuantizedSection* const* rows, int count, float* products) {
  if constexpr (R > 1)
    if (count < R)
      return word_tile<R - 1>(s, is_large, is_wide, has_minimum, blocks, rows, count, products);
  if (is_large)
    word_tile_large<R>(s, is_wide, has_minimum, rows, products);
  else
    word_tile_small<R>(s, has_minimum, blocks, rows, products);
}

}  // namespace
}  // namespace weir
