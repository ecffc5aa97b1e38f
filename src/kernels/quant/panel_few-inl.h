// One to four activation rows times a section of a panel: the codes are parted in registers and
// used at once, as bytes. Written over panel_format-inl.h and one code_sum_*-inl.h.
#pragma once
#include <cstddef>
#include <cstdint>

#include "kernels/quant/panel_format-inl.h"

namespace weir {
namespace {

// Codes of eight bits: sums of more than two quads would not fit words.
template <class F>
constexpr bool kIsWide = kCodeCenter<F> >= 128 && CodeSum::kIsOfWords;

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

// total[r] += the sum of group j, times its integer steps.
template <class F, int q, int R>
[[gnu::always_inline]] inline void add_group(const PanelSection<F>& s, int j,
                                             const QuantizedSection* const* a,
                                             Sixteen (&total)[R]) {
  constexpr int kOfStep = F::kGroup / 4;
  constexpr int kCount = kIsWide<F> ? 2 : kOfStep;
  CodeSum sum[R];
  add_quads<F, q, kCount, R>(s.group(j), a, j, sum);
  const Sixteen steps = step_lanes(step_row(s, j * (32 / F::kGroup) + q / kOfStep));
#pragma GCC unroll 4
  for (int r = 0; r < R; ++r) total[r] = sum[r].times(steps, total[r]);
  if constexpr (q + kCount < kQuads) add_group<F, q + kCount, R>(s, j, a, total);
}

// total[r] += the sum of block j.
template <class F, int q, int R>
[[gnu::always_inline]] inline void add_block(const PanelSection<F>& s, int j,
                                             const QuantizedSection* const* a,
                                             Sixteen (&total)[R]) {
  constexpr int kCount = kIsWide<F> ? 2 : kQuads;
  CodeSum sum[R];
  add_quads<F, q, kCount, R>(s.group(j), a, j, sum);
#pragma GCC unroll 4
  for (int r = 0; r < R; ++r) total[r] = sum[r].plus(total[r]);
  if constexpr (q + kCount < kQuads) add_block<F, q + kCount, R>(s, j, a, total);
}

// Asks for what is read a few groups later; the processor's own prefetching stops at every page.
constexpr int kAhead = 3072;  // bytes
template <class F>
[[gnu::always_inline]] inline void prefetch_group(const PanelSection<F>& s, int j) {
  constexpr int kShare = int(section_bytes<F>(8) / 8);  // of a group in all that a section has
  for (int line = 0; line < kShare; line += 64)
    __builtin_prefetch(s.at + kAhead + j * kShare + line);
}

// The sum over the groups of a block of 256 of row(group) * the sum of its words.
template <class F, class Row>
[[gnu::always_inline]] inline Sixteen weighted_sums(const QuantizedSection& a, const Row& row) {
  Sixteen total = splat_int(0);
#pragma GCC unroll 8
  for (int j = 0; j < 8; ++j) {
    const Sixteen words =
        F::kGroup == 16 ? paired_words(row(2 * j), row(2 * j + 1)) : doubled_words(row(j));
    total = add_word_products(words, splat_lane(a.sums + 2 * j), total);
  }
  return total;
}

inline int sum_of_block(const QuantizedSection& a, int j) {
  return a.sums[2 * j] + a.sums[2 * j + 1];
}

// product[r] = fma(f, scale, product[r]) of a section, see integer_gemm.h.
template <class F, int R>
[[gnu::always_inline]] inline void few_rows(const PanelSection<F>& s,
                                            const QuantizedSection* const* a, Lanes (&product)[R]) {
  if constexpr (PanelSection<F>::kIsLarge) {
    Sixteen total[R];
#pragma GCC unroll 4
    for (int r = 0; r < R; ++r) {
      total[r] = splat_int(0);
      if constexpr (kCodeCenter<F> != 0)
        total[r] = total[r] - shifted_ints<__builtin_ctz(kCodeCenter<F>)>(
                                  weighted_sums<F>(*a[r], [&](int g) { return step_row(s, g); }));
    }
    for (int j = 0; j < 8; ++j) {
      prefetch_group(s, j);
      add_group<F, 0, R>(s, j, a, total);
    }
    const Lanes unit = load_f16(s.units());
#pragma GCC unroll 4
    for (int r = 0; r < R; ++r) {
      Lanes f = floats_of(total[r]) * unit;
      if constexpr (kHasMinimum<F>)
        f = multiply_minus(
            floats_of(weighted_sums<F>(*a[r], [&](int g) { return minimum_row(s, g); })),
            load_f16(s.minimums()), f);
      product[r] = fma(f, splat(a[r]->scale), product[r]);
    }
  } else {
    Lanes f[R];
#pragma GCC unroll 4
    for (int r = 0; r < R; ++r) f[r] = splat(0);
    for (int j = 0; j < s.blocks; ++j) {
      Sixteen total[R];
      prefetch_group(s, j);
#pragma GCC unroll 4
      for (int r = 0; r < R; ++r) total[r] = splat_int(-kCodeCenter<F> * sum_of_block(*a[r], j));
      add_block<F, 0, R>(s, j, a, total);
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
