// Many activation rows times a section of a panel: the codes are spread to words once, with their
// steps multiplied in, and used for all rows. Written over panel_few-inl.h.
#pragma once
#include <cstddef>
#include <cstdint>

#include "kernels/dense/ranges-inl.h"
#include "kernels/quant/panel_few-inl.h"

namespace weir {
namespace {

// What multiplies the integer sums of a section of a panel.
struct SectionFactors {
  Sixteen minimums[8];  // integer ones, of two groups of 16 numbers each
  Lanes units[8];       // of every block; the first only of a block of 256
  Lanes least[8];
};

template <class F>
void load_factors(const PanelSection<F>& s, SectionFactors& to) {
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

// product = fma(f, scale, product) of a block of 256 whose sum is `sum`, see integer_gemm.h.
[[gnu::always_inline]] inline void add_large(const SectionFactors& s, bool has_minimum, Lanes sum,
                                             const QuantizedSection& a, float* product) {
  Lanes f = sum * s.units[0];
  if (has_minimum) {
    Sixteen high = splat_int(0), low = splat_int(0);
#pragma GCC unroll 8
    for (int j = 0; j < 8; ++j) {
      add_lane_words(s.minimums[j], a.sums_high + 2 * j, high);
      add_lane_words(s.minimums[j], a.sums_low + 2 * j, low);
    }
    f = multiply_minus(floats_of(shifted_ints<7>(high) + low), s.least[0], f);
  }
  store(product, fma(f, splat(a.scale), load(product)));
}

// f with block b of 32, whose sum is `sum`, added.
[[gnu::always_inline]] inline Lanes plus_small(const SectionFactors& s, bool has_minimum, int b,
                                               Sixteen sum, const QuantizedSection& a, Lanes f) {
  f = fma(floats_of(sum), s.units[b], f);
  return has_minimum ? fma(splat(float(sum_of_block(a, b))), s.least[b], f) : f;
}

// A section of a panel as words: lane r of words[k] has numbers 2 k and 2 k + 1 of row r, less
// their centre and times their integer steps.
struct SpreadSection {
  Sixteen words[kSection / 2];
  SectionFactors factors;
};

// The steps of quad q of group j, which are `steps` unless the quad is the first with others: after
// every store the compiler would read them again.
template <class F, int q>
[[gnu::always_inline]] inline Sixteen steps_of_quad(const PanelSection<F>& s, int j,
                                                    Sixteen steps) {
  if constexpr (F::kNumbers == 256 && 4 * q % F::kGroup == 0)
    return doubled_words(step_row(s, j * (32 / F::kGroup) + 4 * q / F::kGroup));
  else
    return steps;
}

template <class F, int q = 0>
[[gnu::always_inline]] inline void spread_quads(const PanelSection<F>& s, int j, SpreadSection& to,
                                                Sixteen steps = splat_int(0)) {
  steps = steps_of_quad<F, q>(s, j, steps);
  const Sixteen codes = quad_of<F, q>(s.group(j));
#pragma GCC unroll 2
  for (int pair = 0; pair < 2; ++pair) {
    Sixteen words = words_of(codes, pair);
    if constexpr (kCodeCenter<F> != 0) words = subtract_words(words, splat_words(kCodeCenter<F>));
    if constexpr (F::kNumbers == 256) words = multiply_words(words, steps);
    to.words[16 * j + 2 * q + pair] = words;
  }
  if constexpr (q + 1 < kQuads) spread_quads<F, q + 1>(s, j, to, steps);
}

// `next`: the section that is spread after this one.
template <class F>
void spread(const PanelSection<F>& s, const uint8_t* next, SpreadSection& to) {
  for (int j = 0; j < s.blocks; ++j) {
    prefetch_share<F>(next, j);
    spread_quads<F>(s, j, to);
  }
  load_factors(s, to.factors);
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
  for (int r = 0; r < R; ++r)
    add_large(s.factors, has_minimum, sum[r], *rows[r], products + 16 * r);
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
    for (int r = 0; r < R; ++r)
      store(f[r], plus_small(s.factors, has_minimum, b, sum[r], *a[r], load(f[r])));
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

// How ManyRows (panel_gemm-inl.h) multiplies a section, here in words.
template <class F>
class WordProducts {
 public:
  struct Scratch {
    SpreadSection spread;
  };
  static constexpr int kRows = 192;  // activation rows of a block

  WordProducts(const IntegerGemm&, Scratch& scratch) : spread_(scratch.spread) {}
  // Begins with a section of the activation rows.
  void begin(const QuantizedSection* const*, int) {}
  // product[r] = fma(f, scale, product[r]) for all of them, at `products` + 16 r. `next`: the
  // section of the next call.
  void multiply(const PanelSection<F>& section, const uint8_t* next,
                const QuantizedSection* const* a, int rows, float* products) {
    spread(section, next, spread_);
    const Split tiles(rows, kWordRows);
    for (int t = 0; t < tiles.parts; ++t)
      word_tile<kWordRows>(spread_, F::kNumbers == 256, kIsWide<F>, kHasMinimum<F>, section.blocks,
                           a + tiles[t].begin, tiles[t].count, products + 16 * tiles[t].begin);
  }

 private:
  SpreadSection& spread_;
};

}  // namespace
}  // namespace weir
