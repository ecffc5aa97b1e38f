// Five to eight activation rows times a section of a panel, where there are registers for them: the
// codes become words with their steps, as in panel_many-inl.h, and are used for all rows at once.
// Written over panel_many-inl.h.
#pragma once
#include <cstddef>
#include <cstdint>

#include "kernels/quant/panel_many-inl.h"

namespace weir {
namespace {

// Adds group j from quad q on.
template <class F, int R, int q = 0>
[[gnu::always_inline]] inline void add_direct(const PanelSection<F>& s, int j,
                                              const int16_t* const (&a)[R], Sixteen (&sum)[R][1],
                                              Sixteen steps = splat_int(0)) {
  steps = steps_of_quad<F, q>(s, j, steps);
  const Sixteen codes = quad_of<F, q>(s.group(j));
#pragma GCC unroll 2
  for (int pair = 0; pair < 2; ++pair) {
    const Sixteen w[1] = {words_of_quad<F>(codes, pair, steps)};
    add_words<R, 1>(w, a, 32 * j + 4 * q + 2 * pair, sum);
  }
  if constexpr (q + 1 < kQuads) add_direct<F, R, q + 1>(s, j, a, sum, steps);
}

template <int R>
[[gnu::always_inline]] inline void clear(Sixteen (&sum)[R][1]) {
#pragma GCC unroll 8
  for (int r = 0; r < R; ++r) sum[r][0] = splat_int(0);
}

// The integer sums of a block of 256, as floats.
template <class F, int R>
[[gnu::noinline]] void sum_direct(const PanelSection<F>& s, const QuantizedSection* const* rows,
                                  Lanes* to) {
  const int16_t* a[R];
  Sixteen sum[R][1];
#pragma GCC unroll 8
  for (int r = 0; r < R; ++r) a[r] = rows[r]->words;
  clear<R>(sum);
  if constexpr (kIsWide<F>) {
    WideSum wide[R];
    for (int j = 0; j < 8; j += 2) {
#pragma GCC unroll 2
      for (int i = 0; i < 2; ++i) {
        prefetch_share<F>(s.at + kAhead, j + i);
        add_direct<F, R>(s, j + i, a, sum);
      }
#pragma GCC unroll 8
      for (int r = 0; r < R; ++r) wide[r].add(sum[r][0]);
      clear<R>(sum);
    }
#pragma GCC unroll 8
    for (int r = 0; r < R; ++r) to[r] = wide[r].rounded();
  } else {
    for (int j = 0; j < 8; ++j) {
      prefetch_share<F>(s.at + kAhead, j);
      add_direct<F, R>(s, j, a, sum);
    }
#pragma GCC unroll 8
    for (int r = 0; r < R; ++r) to[r] = floats_of(sum[r][0]);
  }
}

// product[r] = fma(f, scale, product[r]) of a section, see integer_gemm.h. `sums`:
// of the rows.
template <class F, int R>
void direct_rows(const PanelSection<F>& s, const QuantizedSection* const* a,
                 const BlockSums* const* sums, float* products) {
  if constexpr (PanelSection<F>::kIsLarge) {
    Lanes sum[R];
    sum_direct<F, R>(s, a, sum);
    SectionFactors factors;
    load_factors(s, factors);
    for (int r = 0; r < R; ++r)
      add_large(factors, SpreadType::of<F>(), sum[r], *a[r], *sums[r], products + 16 * r);
  } else {
    const int16_t* words[R];
    Lanes f[R];
#pragma GCC unroll 8
    for (int r = 0; r < R; ++r) words[r] = a[r]->words, f[r] = splat(0);
    for (int j = 0; j < s.blocks; ++j) {
      prefetch_share<F>(s.at + kAhead, j);
      Sixteen sum[R][1];
      clear<R>(sum);
      add_direct<F, R>(s, j, words, sum);
      const Lanes step = load_f16(s.units(j));
#pragma GCC unroll 8
      for (int r = 0; r < R; ++r) {
        f[r] = fma(floats_of(sum[r][0]), step, f[r]);
        if constexpr (kHasMinimum<F>)
          f[r] = fma(splat(float(sum_of_block(*a[r], j))), load_f16(s.minimums(j)), f[r]);
      }
    }
#pragma GCC unroll 8
    for (int r = 0; r < R; ++r)
      store(products + 16 * r, fma(f[r], splat(a[r]->scale), load(products + 16 * r)));
  }
}

}  // namespace
}  // namespace weir
